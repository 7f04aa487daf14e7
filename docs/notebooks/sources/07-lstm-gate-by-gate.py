# %% [en]
# # 7. LSTM, gate by gate
#
# Notebook 6 ended with a wish: a state that is multiplied by 1, not by a matrix, from step to step. Long short-term
# memory grants it. Beside the hidden state it has a **cell state** $c_t$ to which things are *added*, and three gates,
# numbers between 0 and 1, that decide what is written, kept and read.
# %% [zh-TW]
# # 7. LSTM：一個門一個門地看
#
# 第 6 課留下一個願望：每一步乘在狀態上的，最好是 1，而不是一個矩陣。長短期記憶（LSTM）做到了。除了隱藏狀態，
# 它還有一個用*加法*更新的**細胞狀態** $c_t$，以及三個介於 0 和 1 之間的門，分別決定要寫入什麼、保留什麼、讀出什麼。

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from rnn_keras.diagnostics import FlowProbe, gate_traces, gradient_flow, plot_gates, plot_gradient_flow
from rnn_keras.layers import GRU, LSTM, SimpleRNN

keras.utils.set_random_seed(1)
generator = np.random.default_rng(1)

# %% [en]
# ## Six equations
#
# $$\begin{aligned}
# i_t &= \sigma(x_t W_i + h_{t-1} U_i + b_i) && \text{input gate: what to write} \\
# f_t &= \sigma(x_t W_f + h_{t-1} U_f + b_f) && \text{forget gate: what to keep} \\
# g_t &= \tanh(x_t W_g + h_{t-1} U_g + b_g) && \text{candidate: what could be written} \\
# o_t &= \sigma(x_t W_o + h_{t-1} U_o + b_o) && \text{output gate: what to show} \\
# c_t &= f_t \odot c_{t-1} + i_t \odot g_t && \text{cell state} \\
# h_t &= o_t \odot \tanh(c_t) && \text{hidden state}
# \end{aligned}$$
#
# The same in NumPy, line by line. A layer stores the four kernels side by side, in the order $i, f, g, o$.
# %% [zh-TW]
# ## 六條公式
#
# $$\begin{aligned}
# i_t &= \sigma(x_t W_i + h_{t-1} U_i + b_i) && \text{輸入門：寫入多少} \\
# f_t &= \sigma(x_t W_f + h_{t-1} U_f + b_f) && \text{遺忘門：保留多少} \\
# g_t &= \tanh(x_t W_g + h_{t-1} U_g + b_g) && \text{候選值：可以寫入的內容} \\
# o_t &= \sigma(x_t W_o + h_{t-1} U_o + b_o) && \text{輸出門：顯示多少} \\
# c_t &= f_t \odot c_{t-1} + i_t \odot g_t && \text{細胞狀態} \\
# h_t &= o_t \odot \tanh(c_t) && \text{隱藏狀態}
# \end{aligned}$$
#
# 用 NumPy 照著一行一行寫。層裡面把四組權重並排存放，順序是 $i, f, g, o$。


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm(x, kernel, recurrent_kernel, bias):
    """Inputs `(steps, features)` -> hidden states and cell states, `(steps, units)`."""
    units = len(recurrent_kernel)
    h, c, hidden, cells = np.zeros(units), np.zeros(units), [], []
    for x_t in x:
        to_i, to_f, to_g, to_o = np.split(x_t @ kernel + h @ recurrent_kernel + bias, 4)
        i, f, g, o = sigmoid(to_i), sigmoid(to_f), np.tanh(to_g), sigmoid(to_o)
        c = f * c + i * g
        h = o * np.tanh(c)
        hidden.append(h)
        cells.append(c)
    return np.array(hidden), np.array(cells)


x = generator.normal(size=(50, 3)).astype("float32")
layer = LSTM(8, return_sequences=True, bias_initializer="normal")
outputs = np.asarray(layer(x[np.newaxis]))[0]
hidden, cells = lstm(x, *layer.get_weights())
print(f"largest difference from the layer: {np.abs(outputs - hidden).max():.0e}")
assert np.abs(outputs - hidden).max() < 1e-5
assert np.abs(gate_traces(layer, x[np.newaxis])["cell_state"][0] - cells).max() < 1e-5

for other in (SimpleRNN(8), GRU(8), layer):
    other(x[np.newaxis])
    print(f"{type(other).__name__:9} of 8 units on 3 features: {other.count_params():3} parameters")
assert layer.count_params() == 4 * 8 * (3 + 8 + 1)

# %% [en]
# ## How long does a forget gate keep?
#
# Along the cell state, $\partial c_t / \partial c_{t-1} = f_t$: no matrix and no slope of tanh. With a constant gate,
# $f^k$ is left after $k$ steps, and half of it after $k = \ln 2 / (-\ln f)$. At the start $f \approx \sigma(b_f)$, so
# the **bias of the forget gate** sets how far back a fresh network can learn from. We compare the formula with the
# measured gradient.
# %% [zh-TW]
# ## 遺忘門能記多久？
#
# 沿著細胞狀態走，$\partial c_t / \partial c_{t-1} = f_t$：沒有矩陣，也沒有 tanh 的斜率。門如果固定不變，$k$ 步之後剩下
# $f^k$，剩一半的時間是 $k = \ln 2 / (-\ln f)$。訓練開始時 $f \approx \sigma(b_f)$，所以**遺忘門的偏差值**決定了
# 剛初始化的網路最遠能從多久以前學到東西。下面把公式和實際量到的梯度比一比。


# %%
quiet = 0.1 * generator.normal(size=(8, 100, 3)).astype("float32")
layer = LSTM(32)
layer.build(quiet.shape)
probe = FlowProbe(layer)  # `gradient_flow`, compiled once for many measurements
kernel, recurrent_kernel, bias = layer.get_weights()
print("bias  gate f  half-life (steps): formula  U = 0  usual U")
for forget_bias in (0, 1, 2, 3, 4):
    gate = sigmoid(forget_bias)
    formula = np.log(2) / -np.log(gate)
    bias[32:64] = forget_bias  # after the input gate's 32
    measured = []
    for share in (0, 1):
        layer.set_weights([kernel, share * recurrent_kernel, bias])
        measured.append(probe(quiet).half_life)
    print(f"{forget_bias:4}  {gate:6.3f} {formula:27.1f} {measured[0]:6.1f} {measured[1]:8.1f}")
    assert 0.8 < measured[0] / formula < 1.2 and measured[1] > measured[0]

# %% [en]
# Without recurrent weights only the cell state carries anything, and the formula holds. With the usual $U$ the paths
# through the gates and the candidate come on top, and the gradient lasts longer (inf: it does not halve at all). Keras
# starts with a bias of 1 (`unit_forget_bias=True`): a little memory to begin with, for free.
#
# ## A task for every gate
#
# At each of 40 steps a number between -1 and 1 comes in, and one of them is marked. After the last step the marked
# number must be told. So: write at the mark, keep from then on, ignore all else.
# %% [zh-TW]
# 把循環權重設成零，只剩細胞狀態在傳遞，量到的就和公式一樣。用平常的 $U$ 時，還要加上經過各個門和候選值的路徑，梯度撐得
# 更久（inf 表示完全不會減半）。Keras 的初始偏差是 1（`unit_forget_bias=True`）：一開始就免費送一點記憶力。
#
# ## 每個門都派得上用場的任務
#
# 40 步裡每一步輸入一個 -1 到 1 之間的數字，其中一個做了記號。全部讀完之後，要說出有記號的是哪個數字。也就是說：
# 看到記號就寫入，之後一直保留，其他的一概不理。


# %%
def make_task(count, steps=40):
    numbers = generator.uniform(-1, 1, size=(count, steps)).astype("float32")
    place = generator.integers(steps, size=count)
    marks = np.eye(steps, dtype="float32")[place]
    return np.stack([numbers, marks], axis=-1), numbers[np.arange(count), place][:, np.newaxis], place


inputs, targets, places = make_task(4000)
test_inputs, test_targets, test_places = make_task(500)

keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((40, 2)), LSTM(4), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.01, global_clipnorm=1.0), "mse")
flows = {"before training": gradient_flow(model, test_inputs[:20])}
forget_before = gate_traces(model, test_inputs)["forget_gate"]
model.fit(inputs, targets, batch_size=50, epochs=12, verbose=0)
flows["after training"] = gradient_flow(model, test_inputs[:20])
error = model.evaluate(test_inputs, test_targets, batch_size=500, verbose=0)
print(f"mean squared error {error:.4f}; always answering 0: {np.mean(test_targets**2):.4f}")
assert error < 0.03

# %% [en]
# ## What the gates have learned
#
# `gate_traces` has every gate at every step. We look at the units whose cell state after the last step tells most about
# the marked number, at three kinds of steps: before the mark, at it, and after it.
# %% [zh-TW]
# ## 門學到了什麼
#
# `gate_traces` 給出每一步每一個門的值。挑出最後的細胞狀態最能反映那個數字的幾個單元，分三種時刻來看：記號之前、
# 看到記號的那一步、記號之後。

# %%
traces = gate_traces(model, test_inputs)
last = traces["cell_state"][:, -1]
tells = np.abs([np.corrcoef(last[:, unit], test_targets[:, 0])[0, 1] for unit in range(4)])
best = np.argsort(tells)[::-1][:2]
print("correlation of the last cell state with the marked number:", np.sort(tells)[::-1].round(2))

steps = np.arange(40)
parts = {
    "before the mark": steps < test_places[:, np.newaxis],
    "at the mark": steps == test_places[:, np.newaxis],
    "after the mark": steps > test_places[:, np.newaxis],
}
means = {}
for gate in ("input_gate", "forget_gate", "output_gate"):
    means[gate] = {name: traces[gate][where][:, best].mean() for name, where in parts.items()}
    print(f"{gate:11}:", ", ".join(f"{value:.2f} {name}" for name, value in means[gate].items()))
after = parts["after the mark"]
print(f"forget gate after the mark, before training: {forget_before[after][:, best].mean():.2f}")
assert means["forget_gate"]["after the mark"] > forget_before[after][:, best].mean()
assert means["input_gate"]["at the mark"] > means["input_gate"]["after the mark"]

example = int(np.argmax((test_places == 12) & (np.abs(test_targets[:, 0]) > 0.5)))
shown = {name: traces[name][example : example + 1][..., best] for name in ("cell_state", "input_gate", "forget_gate")}
labels = ["" if step != test_places[example] else f"mark {test_targets[example, 0]:.2f}" for step in steps]
plot_gates(shown | {"output_gate": traces["output_gate"][example : example + 1][..., best]}, labels, "one example")
plt.show()

# %% [en]
# ## The gradient before and after
#
# At the mark the forget gate closes and the input gate opens: the old is exchanged for the new. Afterwards the forget
# gate is open, but hardly wider than before training. And yet the gradient of the answer now reaches back over all
# steps: as in the table above, the paths through the gates and the candidate add what the forget gate takes away.
# %% [zh-TW]
# ## 訓練前後的梯度
#
# 看到記號時，遺忘門關上、輸入門打開：舊的換成新的。之後遺忘門一直開著，不過並沒有比訓練前開得大多少。
# 儘管如此，答案的梯度現在可以一路傳回最前面：就像上面那張表，經過各個門和候選值的路徑，補上了遺忘門拿走的部分。

# %%
plot_gradient_flow(flows, "gradient of the answer with respect to the states")
plt.show()
for name, flow in flows.items():
    print(f"{name}: {flow.summary}")
assert flows["after training"].relative[30] > flows["before training"].relative[30]

# %% [en]
# ## Try it yourself
#
# 1. Let the mark always be at step 0. Without marks near the end there is no easy case to begin with. Does a forget
#    bias of 1 still suffice? And one of 3 (set it with `set_weights`)?
# 2. Mark two numbers and ask for their sum, then for their product. Which is harder for a cell state that adds?
# 3. Fix the output gate at 1. (Write the cell in NumPy first.) Which task needs it?
# %% [zh-TW]
# ## 動手試試
#
# 1. 讓記號永遠出現在第 0 步，也就不再有「記號就在結尾附近」的簡單題可以入門。遺忘門偏差 1 還夠嗎？3 呢（用
#    `make_lstm`）？
# 2. 記號做在兩個數字上，先問它們的和，再問它們的積。對只會做加法的細胞狀態，哪一個比較難？
# 3. 把輸出門固定成 1（先用 NumPy 寫）。什麼樣的任務才真的需要輸出門？
