# %% [en]
# # 3. The types of RNN: how many go in, how many come out
#
# A layer with memory can be connected to the world in five ways. What differs is only *when something goes in* and
# *when something comes out*. We build each, from the same few layers, and train it on a task that takes seconds.
# %% [zh-TW]
# # 3. RNN 的類型：輸入幾個、輸出幾個
#
# 有記憶的層可以用五種方式接上外面的世界，差別只在*什麼時候輸入*、*什麼時候輸出*。這一課用同樣的幾種層把五種都搭出來，
# 每一種各用一個幾秒鐘就能練好的小任務來訓練。

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from rnn_keras.layers import GRU, TimeDistributed

keras.utils.set_random_seed(1)
generator = np.random.default_rng(1)

# %%
figure, axes = plt.subplots(1, 5, figsize=(11, 2.6), layout="constrained")
shapes = {  # at which steps something goes in and comes out
    "one to one": ([0], [0], 1),
    "one to many": ([0], [0, 1, 2], 3),
    "many to one": ([0, 1, 2], [2], 3),
    "many to many": ([0, 1, 2], [2, 3, 4], 5),
    "many to many, in step": ([0, 1, 2], [0, 1, 2], 3),
}
for axis, (title, (ins, outs, steps)) in zip(axes, shapes.items(), strict=True):
    arrow = {"head_width": 0.12, "length_includes_head": True, "color": "grey"}
    for step in range(steps):
        axis.add_patch(plt.Rectangle((step - 0.3, 0.7), 0.6, 0.6, color="C2"))
        if step:
            axis.arrow(step - 0.7, 1, 0.4, 0, **arrow)
    for places, bottom, start, color in ((ins, -0.3, 0.3, "C3"), (outs, 1.7, 1.3, "C0")):
        for step in places:
            axis.add_patch(plt.Rectangle((step - 0.3, bottom), 0.6, 0.6, color=color))
            axis.arrow(step, start, 0, 0.4, **arrow)
    axis.set(xlim=(steps / 2 - 3.1, steps / 2 + 2.1), ylim=(-0.5, 2.5), aspect="equal")
    axis.set_title(title, fontsize=9)
    axis.axis("off")
plt.show()

# %% [en]
# Red goes in, blue comes out, and the arrows between the green boxes are the hidden state $h_{t-1} \to h_t$. The first
# one has no such arrow: it is an ordinary network, here for comparison.
#
# In Keras, three things make all the difference:
#
# | | what it does | shape |
# |---|---|---|
# | `GRU(units)` | reads a sequence, gives its last state | `(batch, time, features)` → `(batch, units)` |
# | `GRU(units, return_sequences=True)` | gives the state of every step | → `(batch, time, units)` |
# | `RepeatVector(n)` | offers one vector at each of `n` steps | `(batch, units)` → `(batch, n, units)` |
# %% [zh-TW]
# 紅色是輸入，藍色是輸出，綠色方塊之間的箭頭就是隱藏狀態 $h_{t-1} \to h_t$。第一種沒有這個箭頭：它是普通的神經網路，
# 放在這裡當對照。
#
# 在 Keras 裡，差別全在三樣東西：
#
# | | 作用 | 形狀 |
# |---|---|---|
# | `GRU(units)` | 讀完一個序列，給出最後的狀態 | `(batch, time, features)` → `(batch, units)` |
# | `GRU(units, return_sequences=True)` | 給出每一步的狀態 | → `(batch, time, units)` |
# | `RepeatVector(n)` | 把一個向量在 `n` 步裡每步都給一次 | `(batch, units)` → `(batch, n, units)` |


# %%
def train(layers, inputs, targets, loss, epochs, metrics=("accuracy",)):
    """Trains on all but the last 500 examples, prints the shapes, and returns the model and its score on these."""
    model = keras.Sequential([keras.Input(inputs.shape[1:], dtype=inputs.dtype), *layers])
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=list(metrics))
    model.fit(inputs[:-500], targets[:-500], batch_size=50, epochs=epochs, verbose=0)
    score = model.evaluate(inputs[-500:], targets[-500:], batch_size=500, verbose=0)
    print(
        f"{model.input_shape} -> {model.output_shape}, {model.count_params():,} parameters; {metrics[0]} {score[1]:.3f}"
    )
    return model, score[1]


classes = "sparse_categorical_crossentropy"

# %% [en]
# ## One to one: no memory
#
# Two numbers in, and out comes whether they have the same sign.
# %% [zh-TW]
# ## 一對一：沒有記憶
#
# 輸入兩個數字，輸出它們是否同號。

# %%
pairs = generator.normal(size=(3000, 2)).astype("float32")
same_sign = (pairs[:, 0] * pairs[:, 1] > 0).astype("int32")
_, score = train(
    [keras.layers.Dense(16, "tanh"), keras.layers.Dense(2, activation="softmax")], pairs, same_sign, classes, 10
)
assert score > 0.9

# %% [en]
# ## One to many: a picture in, a sentence out
#
# Here it is a number in, a wave of that frequency out. The GRU gets the same input at each step and must know from its
# state alone how far the wave has come.
# %% [zh-TW]
# ## 一對多：輸入一張圖，輸出一句話
#
# 這裡改成輸入一個數字，輸出那個頻率的一段波。GRU 每一步看到的輸入都一樣，波走到哪裡了，只能靠自己的狀態記住。

# %%
frequency = generator.uniform(0.3, 1.0, size=(3000, 1)).astype("float32")
waves = np.sin(frequency * np.arange(20))[..., np.newaxis]
one_to_many, score = train(
    [
        keras.layers.RepeatVector(20),
        GRU(32, return_sequences=True),
        TimeDistributed(keras.layers.Dense(1)),
    ],
    frequency,
    waves,
    "mse",
    10,
    metrics=("mae",),
)
print(f"always zero would have a mean absolute error of {np.abs(waves[-500:]).mean():.3f}")
assert score < 0.2

# %% [en]
# ## Many to one: a review in, an opinion out
#
# A sequence of ten letters, A to H. Does an A come before the first H? Most letters say nothing; one answer at the end.
# %% [zh-TW]
# ## 多對一：輸入一篇評論，輸出正面或負面
#
# 輸入十個字母，A 到 H。第一個 H 出現之前有沒有 A？大部分字母毫無關係，最後才回答一次。

# %%
letters = generator.integers(8, size=(3500, 10)).astype("int32")
no_h_yet = np.cumsum(letters == 7, axis=1) == 0
a_first = np.any((letters == 0) & no_h_yet, axis=1).astype("int32")
many_to_one, score = train(
    [GRU(16, input_dim=8), keras.layers.Dense(2, activation="softmax")], letters, a_first, classes, 10
)
assert score > 0.95

# %% [en]
# `input_dim=8` lets the layer take letters as ids, without one-hot vectors; see notebook 4.
#
# ## Many to many: a sentence in, its translation out
#
# All five letters are read first; then they are written in reverse. Everything must go through the one state between
# the **encoder** and the **decoder**: this is the bottleneck for which attention was invented.
# %% [zh-TW]
# `input_dim=8` 讓這一層直接吃字母編號，不必先做成獨熱編碼；請看第 4 課。
#
# ## 多對多：輸入一句話，輸出它的翻譯
#
# 先讀完五個字母，再倒著寫出來。所有資訊都得擠過**編碼器**與**解碼器**之間那一個狀態：注意力機制（attention）
# 就是為了打破這個瓶頸而發明的。

# %%
words = generator.integers(4, size=(4000, 5)).astype("int32")
many_to_many, score = train(
    [
        GRU(48, input_dim=4),  # the encoder
        keras.layers.RepeatVector(5),
        GRU(48, return_sequences=True),  # the decoder
        keras.layers.Dense(4, activation="softmax"),
    ],
    words,
    words[:, ::-1],
    classes,
    10,
)
print(words[-1], "->", many_to_many.predict(words[-1:], verbose=0)[0].argmax(axis=-1))
assert score > 0.9

# %% [en]
# ## Many to many, in step: a tag for each word
#
# Brackets, one after the other: how many are open now? The answer is due at every step and depends on all before.
# %% [zh-TW]
# ## 同步多對多：每個字標一個標籤
#
# 一個接一個讀入括號：現在還有幾個沒有關上？每一步都要立刻回答，答案又取決於前面的全部內容。

# %%
brackets = np.zeros((3500, 20), "int32")  # 1 opens, 0 closes
depth = np.zeros((3500, 20), "int32")
now = np.zeros(3500, "int32")
for step in range(20):
    opens = (generator.random(3500) < 0.5) & (now < 4) | (now == 0)
    now = now + np.where(opens, 1, -1)
    brackets[:, step], depth[:, step] = opens, now
in_step, score = train(
    [GRU(16, input_dim=2, return_sequences=True), keras.layers.Dense(5, activation="softmax")],
    brackets,
    depth,
    classes,
    7,
)
example = -500 + np.argmax(depth[-500:].sum(axis=1))
print("".join(")("[bracket] for bracket in brackets[example]))
print("".join(map(str, in_step.predict(brackets[example : example + 1], verbose=0)[0].argmax(axis=-1))))
assert score > 0.95

# %% [en]
# A layer without memory, on the same task, shows what the arrows between the boxes are worth:
# %% [zh-TW]
# 同一個任務換成沒有記憶的層，就看得出方塊之間的箭頭值多少：

# %%
_, without = train(
    [keras.layers.Dense(16, "tanh"), keras.layers.Dense(5, activation="softmax")],
    brackets[..., np.newaxis].astype("float32"),
    depth,
    classes,
    10,
)
print(f"in step: {score:.1%} with memory, {without:.1%} without")
assert without < 0.7 < score

# %% [en]
# ## Which one is yours?
#
# | type | application in this project's `apps/` |
# |---|---|
# | one to one | `digits`: an image, a digit |
# | one to many | `captioning`: an image, a sentence |
# | many to one | `sentiment`, `activity`: a review or a movement, a class |
# | many to many | `translation`, `forecasting`: a sentence, a sentence; the past, the next days |
# | many to many, in step | `addition`, `wardrobe`, `video_tagging`, `language` |
#
# ## Try it yourself
#
# 1. Let the reversing network read 8 letters of 4. How does its accuracy change with the units of the encoder? How many
#    bits must its state hold?
# 2. Give the first letter of the many-to-one task 50 steps before the end (random letters between). Does it still
#    learn?
# 3. Put `keras.layers.Bidirectional` around the GRU of the last network. Why does it not help here, and for which
#    in-step task would it?
# %% [zh-TW]
# ## 你的問題是哪一種？
#
# | 類型 | 本專案 `apps/` 裡的應用 |
# |---|---|
# | 一對一 | `digits`：一張圖，一個數字 |
# | 一對多 | `captioning`：一張圖，一句話 |
# | 多對一 | `sentiment`、`activity`：一篇評論或一段動作，一個類別 |
# | 多對多 | `translation`、`forecasting`：一句話翻成一句話；由過去預測接下來幾天 |
# | 同步多對多 | `addition`、`wardrobe`、`video_tagging`、`language` |
#
# ## 動手試試
#
# 1. 讓倒寫的網路改讀 8 個字母（仍是 4 種）。準確率隨編碼器的單元數怎麼變？它的狀態至少要裝下幾個位元？
# 2. 多對一的任務改成 50 步，關鍵字母放在最前面，後面都是隨機字母。還學得會嗎？
# 3. 在最後一個網路的 GRU 外面包上 `keras.layers.Bidirectional`。為什麼在這裡沒有幫助？什麼樣的同步任務才會有幫助？
