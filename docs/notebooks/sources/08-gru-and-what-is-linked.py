# %% [en]
# # 8. GRU: what is linked
#
# An LSTM decides twice: how much of the old to keep (forget gate) and how much of the new to write (input gate). The
# gated recurrent unit links the two in one **update gate**: who writes, forgets; who keeps, does not write. There is no
# cell state beside the hidden state. This saves a quarter of the parameters. What does it cost?
# %% [zh-TW]
# # 8. GRU：哪些東西綁在一起
#
# LSTM 要做兩個決定：舊的保留多少（遺忘門）、新的寫入多少（輸入門）。門控循環單元（GRU）把兩者綁成一個**更新門**：
# 要寫入就得忘記，要保留就不能寫入；除了隱藏狀態，也沒有另外的細胞狀態。參數因此少了四分之一。那麼代價是什麼？

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from rnn_keras.diagnostics import gate_traces, plot_gates
from rnn_keras.layers import GRU, LSTM, SimpleRNN

keras.utils.set_random_seed(1)
generator = np.random.default_rng(1)

# %% [en]
# ## Four equations
#
# $$\begin{aligned}
# z_t &= \sigma(x_t W_z + h_{t-1} U_z + b_z) && \text{update gate: what to keep} \\
# r_t &= \sigma(x_t W_r + h_{t-1} U_r + b_r) && \text{reset gate: what of the past the candidate sees} \\
# g_t &= \tanh(x_t W_g + r_t \odot (h_{t-1} U_g + b'_g) + b_g) && \text{candidate} \\
# h_t &= z_t \odot h_{t-1} + (1 - z_t) \odot g_t && \text{hidden state}
# \end{aligned}$$
#
# The weights of the old state and of the candidate, $z$ and $1 - z$, add up to one. In Keras's form a second bias
# $b'$ belongs to the recurrent product (`reset_after=True`). In many books $z$ and $1-z$ are exchanged, which only
# renames the gate.
# %% [zh-TW]
# ## 四條公式
#
# $$\begin{aligned}
# z_t &= \sigma(x_t W_z + h_{t-1} U_z + b_z) && \text{更新門：保留多少} \\
# r_t &= \sigma(x_t W_r + h_{t-1} U_r + b_r) && \text{重置門：候選值看得到多少過去} \\
# g_t &= \tanh(x_t W_g + r_t \odot (h_{t-1} U_g + b'_g) + b_g) && \text{候選值} \\
# h_t &= z_t \odot h_{t-1} + (1 - z_t) \odot g_t && \text{隱藏狀態}
# \end{aligned}$$
#
# 舊狀態的權重 $z$ 和候選值的權重 $1 - z$ 加起來等於 1。Keras 的寫法裡，循環那一項另有自己的偏差 $b'$
# （`reset_after=True`）。不少課本把 $z$ 和 $1-z$ 對調，只是名字換了，意思一樣。


# %%
def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def gru(x, kernel, recurrent_kernel, biases):
    """Inputs `(steps, features)` -> hidden states `(steps, units)`; the kernels are in the order z, r, g."""
    h, hidden = np.zeros(len(recurrent_kernel)), []
    for x_t in x:
        x_z, x_r, x_g = np.split(x_t @ kernel + biases[0], 3)
        h_z, h_r, h_g = np.split(h @ recurrent_kernel + biases[1], 3)
        z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
        g = np.tanh(x_g + r * h_g)
        h = z * h + (1 - z) * g
        hidden.append(h)
    return np.array(hidden)


x = generator.normal(size=(50, 3)).astype("float32")
layer = GRU(8, return_sequences=True, bias_initializer="normal")
difference = np.abs(np.asarray(layer(x[np.newaxis]))[0] - gru(x, *layer.get_weights())).max()
print(f"largest difference from the layer: {difference:.0e}")
assert difference < 1e-5

counts = {}
for layer_class in (SimpleRNN, GRU, LSTM):
    layer = layer_class(64)
    layer.build((None, None, 64))
    counts[layer_class.__name__] = layer.count_params()
for name, count in counts.items():
    print(f"{name:9} of 64 units on 64 features: {count:6,} parameters, {count / counts['LSTM']:.0%} of the LSTM's")

# %% [en]
# ## What the gates do
#
# Numbers come in, and now and then a bell rings. At each step, name the number that came with the **last bell**. So:
# overwrite at a bell, keep otherwise. One gate is enough for that.
# %% [zh-TW]
# ## 門在做什麼
#
# 一個接一個輸入數字，偶爾會響一次鈴。每一步都要說出**最近一次響鈴**時的數字。也就是：響鈴就覆寫，否則就保留。
# 這件事一個門就夠了。


# %%
def make_task(count, steps=50):
    numbers = generator.uniform(-1, 1, size=(count, steps)).astype("float32")
    bells = generator.random((count, steps)) < 0.05
    bells[:, 0] = True
    last = np.maximum.accumulate(np.where(bells, np.arange(steps), 0), axis=1)
    return np.stack([numbers, bells], axis=-1).astype("float32"), np.take_along_axis(numbers, last, axis=1)[..., None]


inputs, targets = make_task(3000)
test_inputs, test_targets = make_task(500)
model = keras.Sequential([keras.Input((None, 2)), GRU(4, return_sequences=True), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.01), "mse")
model.fit(inputs, targets, batch_size=50, epochs=12, verbose=0)
error = model.evaluate(test_inputs, test_targets, batch_size=500, verbose=0)
print(f"mean squared error {error:.4f}; always answering 0: {np.mean(test_targets**2):.4f}")
assert error < 0.02

traces = gate_traces(model, test_inputs)
bells = test_inputs[..., 1] == 1
tells = [abs(np.corrcoef(traces["hidden_state"][..., unit].ravel(), test_targets.ravel())[0, 1]) for unit in range(4)]
best = np.argsort(tells)[::-1][:2]
print("correlation of each unit's state with the answer:", np.round(tells, 2))
means = {}
for name in ("update_gate", "reset_gate"):
    means[name] = [traces[name][where][:, best].mean() for where in (bells, ~bells)]
    print(f"{name} of the best two: {means[name][0]:.2f} at bells, {means[name][1]:.2f} between them")
    assert means[name][0] < means[name][1] - 0.2

labels = [f"bell {number:.1f}" if rings else "" for number, rings in test_inputs[0]]
plot_gates(traces, labels, "the number at the last bell")
plt.show()

# %% [en]
# At a bell the update gate falls, and the candidate takes the place of the state; between bells it lets most of the old
# state stay. The reset gate closes at a bell: the candidate then looks at the new number alone, not at what was there
# before. Keeping and overwriting are opposites in this task, so nothing is lost by linking them.
#
# ## What linking costs: a GRU cannot count
#
# With $f = i = 1$ an LSTM's cell state is $c_t = c_{t-1} + g_t$, a **sum** without a limit. A GRU's state is a weighted
# mean of numbers between -1 and 1, and stays between them. A test: letters A and B come in; at each step, have there
# been more A, as many, or more B? We train on sequences of 30 letters, and then let $n$ times A come, followed by B
# only. The answer should change to "as many" at the $n$-th B.
# %% [zh-TW]
# 鈴一響，更新門就往下掉，由候選值取代狀態；兩次響鈴之間，它讓大部分的舊狀態留下來。重置門在響鈴時關上：候選值這時只看新
# 的數字，不理會先前記著什麼。在這個任務裡，保留和覆寫本來就是相反的事，綁在一起毫無損失。
#
# ## 綁在一起的代價：GRU 不會數數
#
# 當 $f = i = 1$，LSTM 的細胞狀態是 $c_t = c_{t-1} + g_t$，一個沒有上限的**總和**。GRU 的狀態則是 -1 到 1 之間的數的加權
# 平均，永遠跑不出這個範圍。來測驗一下：一個一個輸入字母 A 和 B，每一步都要回答：到目前為止 A 比較多、一樣多、還是 B 比
# 較多？先用 30 個字母的序列訓練，然後輸入 $n$ 個 A，接著全部是 B。答案應該在第 $n$ 個 B 變成「一樣多」。


# %%
def make_letters(count, steps=30):
    share = generator.uniform(0.1, 0.9, size=(count, 1))
    swap = generator.integers(2, steps, size=(count, 1))  # from here on the letters lean the other way
    share = np.where(np.arange(steps) < swap, share, 1 - share)
    is_a = generator.random((count, steps)) < share
    balance = np.cumsum(np.where(is_a, 1, -1), axis=1)
    return is_a.astype("int32"), np.sign(balance) + 1  # 0: more B, 1: as many, 2: more A


letters, answers = make_letters(4000)
counters = {}
for layer_class in (LSTM, GRU):
    keras.utils.set_random_seed(1)
    layers = [layer_class(16, input_dim=2, return_sequences=True), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    falling = keras.optimizers.schedules.PiecewiseConstantDecay([650], [0.01, 0.002])
    model.compile(keras.optimizers.Adam(falling), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(letters, answers, batch_size=40, epochs=9, verbose=0)
    name = layer_class.__name__
    counters[name] = model
    test_letters, test_answers = make_letters(500)
    print(
        f"{name:4}: {model.evaluate(test_letters, test_answers, batch_size=500, verbose=0)[1]:.3f} of the answers right"
    )

runs = (5, 10, 20, 40, 80)
changes = {name: [] for name in counters}
for name, model in counters.items():
    for n in runs:
        sequence = np.array([[1] * n + [0] * 2 * n], "int32")
        answer = model.predict(sequence, verbose=0)[0].argmax(axis=-1)[n:]
        changes[name].append(int(np.argmax(answer != 2)) + 1 if np.any(answer != 2) else None)
print("n times A, then B: after how many B does the answer change?")
print("      n:", *runs)
for name, values in changes.items():
    print(f"{name:>7}:", *values)
assert changes["LSTM"][:2] == list(runs[:2]) and changes["LSTM"][3] > changes["GRU"][3]

# %% [en]
# Inside of what they were trained on, both are right. Beyond it the GRU's answer soon changes after the same number of
# B, however many A came before: its state cannot say "many more". The LSTM is not exact there
# either, but the more A there were, the later its answer changes. Look at the states:
# %% [zh-TW]
# 在訓練過的範圍內，兩者都答對。超出範圍以後，不管前面有多少個 A，GRU 很快就總是在差不多的地方改口：它的狀態沒辦法表達
# 「多得多」。LSTM 在這裡也不再精準，不過 A 愈多，它改口得愈晚。來看看它們的狀態：

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
sequence = np.array([[1] * 60 + [0] * 60], "int32")
largest = {}
for axis, (name, model), state in zip(axes, counters.items(), ("cell_state", "hidden_state"), strict=True):
    values = gate_traces(model, sequence)[state][0]
    largest[name] = np.abs(values).max()
    axis.plot(values, linewidth=1)
    axis.set(title=f"{name}: {state.replace('_', ' ')}", xlabel="60 times A, then 60 times B", ylabel="each unit")
    axis.grid(alpha=0.3)
    print(f"{name:4}: the largest absolute value of the {state.replace('_', ' ')} is {largest[name]:.1f}")
plt.show()
assert largest["GRU"] <= 1 < largest["LSTM"]

# %% [en]
# A cell state that climbs as long as A's come, and descends with every B, is a counter. The hidden state of the GRU
# comes to its limit and stops.
#
# Which one to take, then? On most tasks the two are about equally good, and the GRU is smaller. Where amounts matter,
# how many, how long, how deep, take the LSTM; or try both, it is one word.
#
# ## Try it yourself
#
# 1. `GRU(..., reset_after=False)` is the first version of the paper. Change `gru` in NumPy so that it agrees. (The bias
#    is then one vector.)
# 2. Train the bell task with 16 units instead of 4. Is the error smaller? Are the gates as clear? Why do many units not
#    need a clear division of labour?
# 3. Give the counters sequences of 60 letters to train on. Does the GRU count further now?
# %% [zh-TW]
# 只要 A 繼續來就一直往上爬、來一個 B 就往下走一步，這樣的細胞狀態就是計數器。GRU 的隱藏狀態則是碰到上限就停住了。
#
# 那該選哪一個？多數任務兩者差不多，GRU 比較小。如果「多少、多久、多深」這類數量很重要，選 LSTM；或者兩個都試，
# 反正只要改一個字。
#
# ## 動手試試
#
# 1. `GRU(..., reset_after=False)` 是論文最初的版本。修改 NumPy 的 `gru`，讓兩者一致（這時偏差只有一個向量）。
# 2. 響鈴任務改用 16 個單元，再看一次各個門。誤差變小了嗎？圖還一樣清楚嗎？為什麼單元一多，
#    就不需要明確的分工？
# 3. 改用 60 個字母的序列來訓練。GRU 現在能數得更遠嗎？
