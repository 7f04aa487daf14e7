# extras: tune, litert, onnx

# %% [en]
# # 9. Train, tune and export a model of your own
#
# You have a model with recurrent layers of `keras.layers`. In four steps it becomes a file that runs without
# TensorFlow: exchange the layers, search for better settings, export, run. The data are made here, so that it takes a
# minute; put your own arrays in their place.
# %% [zh-TW]
# # 9. 訓練、調整、匯出你自己的模型
#
# 假設你已經有一個用 `keras.layers` 寫的循環模型。四個步驟，就能讓它變成不需要 TensorFlow 也能執行的檔案：換掉循環層、
# 搜尋更好的設定、匯出、執行。資料在這裡現場產生，一分鐘就能跑完；換成你自己的陣列即可。

# %%
import tempfile
from pathlib import Path

import keras
import keras_tuner
import numpy as np

import rnn_keras
from rnn_keras.layers import convert

keras.utils.set_random_seed(1)
generator = np.random.default_rng(1)

# %% [en]
# ## The data: three movements
#
# Three axes of a sensor, 50 steps: walking, turning, falling. Each person moves at a pace of their own.
# %% [zh-TW]
# ## 資料：三種動作
#
# 三軸感測器、50 個時間步：走路、轉身、跌倒。每個人的快慢都不一樣。

# %%
CLASSES = ("walk", "turn", "fall")


def make_movements(count, steps=50):
    """Series `(count, steps, 3)` and classes `(count,)`."""
    time = np.arange(steps)
    kind = generator.integers(3, size=count)
    pace, phase = generator.uniform(0.25, 0.6, (count, 1)), generator.uniform(0, 6.3, (count, 1))
    start = generator.integers(10, 40, (count, 1))
    series = generator.normal(0, 0.6, (count, steps, 3))
    series[..., 0] += np.sin(pace * time + phase)
    series[..., 1] += np.where(kind[:, None] == 1, np.sin(pace * (time - start)) * (time >= start), 0)
    series[..., 2] += np.where(kind[:, None] == 2, 1.5 * ((time >= start) & (time < start + 4)), 0)
    return series.astype("float32"), kind


x, y = make_movements(1200)
x_validation, y_validation = make_movements(500)
x_test, y_test = make_movements(1000)
print(x.shape, {name: int(np.sum(y == place)) for place, name in enumerate(CLASSES)})

# %% [en]
# ## 1. Exchange the layers
#
# Write `rnn_keras.LSTM` for `keras.layers.LSTM`, or convert a model that you have, trained or not. Weights, names and
# results stay; `execution_path` says whether the fast gradient is in use.
# %% [zh-TW]
# ## 一、換掉循環層
#
# 把 `keras.layers.LSTM` 改寫成 `rnn_keras.LSTM`；或者直接轉換手上的模型，不管訓練過沒有。權重、名稱、結果都不變；
# `execution_path` 會告訴你是否用上了快速的梯度計算。

# %%
theirs = keras.Sequential(
    [
        keras.Input((50, 3)),
        keras.layers.LSTM(16, return_sequences=True),
        keras.layers.GlobalMaxPooling1D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
ours = convert(theirs)
difference = np.abs(ours.predict(x_test, verbose=0) - theirs.predict(x_test, verbose=0)).max()
ours.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
ours.fit(x, y, batch_size=50, epochs=4, verbose=0)
first_accuracy = ours.evaluate(x_test, y_test, batch_size=500, verbose=0)[1]
print(f"{type(theirs.layers[0]).__module__} -> {type(ours.layers[0]).__module__}")
print(f"same weights, largest difference of the answers: {difference:.0e}")
print(f"path: {ours.layers[0].execution_path}; test accuracy after 4 epochs: {first_accuracy:.3f}")
assert difference < 1e-5 and ours.layers[0].execution_path == "fast"

# %% [en]
# ## 2. Search for settings
#
# KerasTuner builds the model for each trial. Three small trials show the form; a real search has more. The validation
# data choose, and the test data are looked at once, at the end.
# %% [zh-TW]
# ## 二、搜尋更好的設定
#
# KerasTuner 每試一次就建立一個模型。這裡只試三次，示範寫法；真正的搜尋要多試幾次。用驗證資料來挑選，測試資料留到最後
# 只看一次。


# %%
def build_model(settings):
    make_layer = {"LSTM": rnn_keras.LSTM, "GRU": rnn_keras.GRU}[settings.Choice("cell", ["LSTM", "GRU"])]
    model = keras.Sequential(
        [
            keras.Input((50, 3)),
            make_layer(settings.Int("units", 8, 32, step=8), return_sequences=True),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    rate = settings.Float("learning_rate", 1e-3, 3e-2, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


folder = Path(tempfile.mkdtemp())
tuner = keras_tuner.RandomSearch(
    build_model, "val_accuracy", max_trials=3, seed=1, directory=folder, project_name="tune"
)
tuner.search(x, y, validation_data=(x_validation, y_validation), batch_size=50, epochs=3, verbose=0)
trials = sorted(tuner.oracle.trials.values(), key=lambda trial: -trial.score)
for trial in trials:
    values = trial.hyperparameters.values
    settings = f"{values['cell']:4} {values['units']:2} units, learning rate {values['learning_rate']:.4f}"
    print(f"{settings}: validation accuracy {trial.score:.3f}")

model = tuner.get_best_models(1)[0]
accuracy = model.evaluate(x_test, y_test, batch_size=500, verbose=0)[1]
print(f"the best trial, test accuracy: {accuracy:.3f}")
assert accuracy > 0.6

# %% [en]
# ## 3. Export
#
# One call writes the files. Each is run on the examples in a process of its own and kept only if it gives what Keras
# gives. LiteRT is for phones and small computers, with 8-bit numbers if you like; ONNX is for many other engines.
# %% [zh-TW]
# ## 三、匯出
#
# 呼叫一次就寫出全部檔案。每個檔案都會在獨立的行程裡用你給的例子跑一遍，結果和 Keras 一致才會留下。LiteRT 適合手機和小
# 型電腦，也可以量化成 8 位元；ONNX 則有許多其他引擎可以執行。

# %%
exported = rnn_keras.export_model(
    model,
    folder / "movements",
    formats=["litert", "onnx"],
    quantize=["none", "int8"],
    examples=x_test[:50],
    log=lambda line: None,
)
for row in exported["report"]:
    print(f"{row['format']:6} {row['quantisation']:4}: {row['bytes']:6,} bytes, agreement {row['agreement']:.0%}")
    assert row["agreement"] == 1

# %% [en]
# ## 4. Run the files
#
# `LiteRTModel` and `OnnxModel` need NumPy and the engine, no TensorFlow. So does `predict.py`, which lies beside the
# files and can be copied away with them.
# %% [zh-TW]
# ## 四、執行匯出的檔案
#
# `LiteRTModel` 和 `OnnxModel` 只需要 NumPy 和各自的引擎，不需要 TensorFlow。放在檔案旁邊的 `predict.py` 也是如此，
# 可以連同檔案一起複製到別處使用。

# %%
expected = model.predict(x_test, verbose=0)
written = {path.resolve() for path in (folder / "movements").rglob("*")}  # one version has two names
files = sorted(path for path in written if path.suffix in (".tflite", ".onnx"))
for path in files:
    runner = rnn_keras.OnnxModel(path) if path.suffix == ".onnx" else rnn_keras.LiteRTModel(path)
    answers = np.concatenate([runner.run(x_test[row : row + 1])[0] for row in range(len(x_test))])
    same = np.mean(answers.argmax(axis=1) == expected.argmax(axis=1))
    right = np.mean(answers.argmax(axis=1) == y_test)
    print(f"{path.name:22}: the class of Keras in {same:.1%}, accuracy {right:.3f}")
    assert same > (0.9 if "int8" in path.name else 0.999)
print(sorted(path.name for path in files[0].parent.iterdir()))

# %% [en]
# ## Try it yourself
#
# 1. Time `fit` with `theirs` and with `ours` (compile both alike). How many times as fast is it on your machine?
# 2. Use your own CSV file. `python -m rnn_keras new motion --like series_classifier` writes an app around such a model,
#    with the commands `train`, `tune`, `export` and `serve`.
# 3. Add `"saved_model"` to the formats, for TF Serving; or `target="micro"`, for a microcontroller.
# %% [zh-TW]
# ## 動手試試
#
# 1. 分別量 `theirs` 和 `ours` 的 `fit` 要多久（compile 的參數要相同）。在你的電腦上快幾倍？
# 2. 換成你自己的 CSV 檔。`python -m rnn_keras new motion --like series_classifier` 會圍繞這樣的模型寫好一個應用，
#    有 `train`、`tune`、`export`、`serve` 等指令。
# 3. 在 formats 加上 `"saved_model"`，給 TF Serving 使用；或設定 `target="micro"`，給微控制器使用。
