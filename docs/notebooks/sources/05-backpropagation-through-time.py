# %% [en]
# # 5. Backpropagation through time, by hand
#
# A recurrent network is a deep network whose layers share their weights: **unrolled** over $T$ steps it has $T$ layers.
# Its gradient is the chain rule on that unrolled network: backpropagation through time (BPTT). Here we write it in
# NumPy, check it three ways, and then look at which step contributes how much.
# %% [zh-TW]
# # 5. 親手推導時序反向傳播
#
# 把循環神經網路沿著時間**展開**，它就是一個 $T$ 層的深層網路，只是每一層共用同一組權重。對展開後的網路使用連鎖律，
# 就是**時序反向傳播**（backpropagation through time，BPTT）。這一課用 NumPy 親手寫出來，用三種方法驗算，
# 再看看每一個時間步各貢獻了多少梯度。

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from rnn_keras.layers import SimpleRNN

keras.utils.set_random_seed(1)
generator = np.random.default_rng(1)

# %% [en]
# ## Forward
#
# $$z_t = x_t W + h_{t-1} U + b, \qquad h_t = \tanh(z_t), \qquad y_t = h_t V + d$$
#
# The loss is the sum of the squared errors over all steps, $L = \sum_t \tfrac12 \lVert y_t - \hat y_t \rVert^2$.
# %% [zh-TW]
# ## 前向傳播
#
# $$z_t = x_t W + h_{t-1} U + b, \qquad h_t = \tanh(z_t), \qquad y_t = h_t V + d$$
#
# 損失是所有時間步的平方誤差總和：$L = \sum_t \tfrac12 \lVert y_t - \hat y_t \rVert^2$。

# %%
STEPS, FEATURES, UNITS = 20, 3, 5


def make_weights():
    """The five weights by name, float64."""
    shapes = {"W": (FEATURES, UNITS), "U": (UNITS, UNITS), "b": (UNITS,), "V": (UNITS, 1), "d": (1,)}
    weights = {name: generator.normal(size=shape) * 0.4 for name, shape in shapes.items()}
    weights["U"] = np.linalg.qr(weights["U"])[0] * 0.9
    return weights


def forward(weights, x):
    """Inputs `(steps, features)` -> all hidden states `(steps + 1, units)`, the first is zero, and outputs."""
    h = np.zeros((len(x) + 1, UNITS), x.dtype)
    for t in range(len(x)):
        h[t + 1] = np.tanh(x[t] @ weights["W"] + h[t] @ weights["U"] + weights["b"])
    return h, h[1:] @ weights["V"] + weights["d"]


def loss_of(weights, x, target):
    return 0.5 * np.sum((forward(weights, x)[1] - target) ** 2)


x = generator.normal(size=(STEPS, FEATURES))
target = np.cumsum(x[:, :1], axis=0) / 3  # a task that needs memory: the running sum of the first feature
weights = make_weights()
print(f"loss: {loss_of(weights, x, target):.4f}")

# %% [en]
# ## Backward
#
# Let $\delta_t = \partial L / \partial z_t$. The state $h_t$ acts on the loss in two ways, by the output of its own
# step and by the next state. So going from the last step to the first,
#
# $$\frac{\partial L}{\partial h_t} = (y_t - \hat y_t) V^\top + \delta_{t+1} U^\top, \qquad
# \delta_t = \frac{\partial L}{\partial h_t} \odot (1 - h_t^2)$$
#
# Because all steps share their weights, each weight's gradient is a sum over the steps:
#
# $$\frac{\partial L}{\partial W} = \sum_t x_t^\top \delta_t, \quad
# \frac{\partial L}{\partial U} = \sum_t h_{t-1}^\top \delta_t, \quad \frac{\partial L}{\partial b} = \sum_t \delta_t$$
# %% [zh-TW]
# ## 反向傳播
#
# 令 $\delta_t = \partial L / \partial z_t$。隱藏狀態 $h_t$ 經由兩條路影響損失：這一步的輸出，以及下一步的狀態。
# 所以從最後一步往第一步走：
#
# $$\frac{\partial L}{\partial h_t} = (y_t - \hat y_t) V^\top + \delta_{t+1} U^\top, \qquad
# \delta_t = \frac{\partial L}{\partial h_t} \odot (1 - h_t^2)$$
#
# 每一步共用同一組權重，因此權重的梯度是所有時間步的總和：
#
# $$\frac{\partial L}{\partial W} = \sum_t x_t^\top \delta_t, \quad
# \frac{\partial L}{\partial U} = \sum_t h_{t-1}^\top \delta_t, \quad \frac{\partial L}{\partial b} = \sum_t \delta_t$$


# %%
def backward(weights, x, target):
    """The gradient of the loss with respect to each weight, by name."""
    h, y = forward(weights, x)
    error = y - target
    gradients = {name: np.zeros_like(value) for name, value in weights.items()}
    gradients["V"], gradients["d"] = h[1:].T @ error, error.sum(axis=0)
    delta = np.zeros(UNITS)
    for t in reversed(range(len(x))):  # h[t + 1] is the state after step t
        into_state = error[t] @ weights["V"].T + delta @ weights["U"].T
        delta = into_state * (1 - h[t + 1] ** 2)
        gradients["W"] += np.outer(x[t], delta)
        gradients["U"] += np.outer(h[t], delta)
        gradients["b"] += delta
    return gradients


by_hand = backward(weights, x, target)
print({name: value.shape for name, value in by_hand.items()})

# %% [en]
# ## Check 1: without any calculus
#
# A weight moved by a tiny *imaginary* amount $i\epsilon$ changes the loss by $i\epsilon\, \partial L/\partial w$, so
# the imaginary part of the loss over $\epsilon$ is the derivative. Nothing is subtracted, so nothing is rounded away.
# %% [zh-TW]
# ## 驗算一：完全不用微分公式
#
# 把一個權重移動一個極小的*虛數* $i\epsilon$，損失會改變 $i\epsilon\, \partial L/\partial w$，所以損失的虛部除以
# $\epsilon$ 就是導數。過程中沒有兩個相近的數相減，也就沒有捨入誤差。


# %%
def complex_step(weights, x, target, epsilon=1e-30):
    gradients = {}
    for name, value in weights.items():
        gradients[name] = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            moved = {key: other.astype(complex) for key, other in weights.items()}
            moved[name][place] += 1j * epsilon
            gradients[name][place] = loss_of(moved, x.astype(complex), target).imag / epsilon
    return gradients


numerical = complex_step(weights, x, target)
largest = max(np.abs(numerical[name] - by_hand[name]).max() for name in weights)
print(f"largest difference from the complex step: {largest:.0e}")
assert largest < 1e-12

# %% [en]
# ## Checks 2 and 3: TensorFlow's tape, and this toolkit's own BPTT
#
# `keras.layers.SimpleRNN` has its gradient from TensorFlow, which records each operation. `rnn_keras.layers.SimpleRNN`
# has its gradient written by hand, as above (only faster); this is what its name for the path says. The same weights go
# into both, in float32.
# %% [zh-TW]
# ## 驗算二、三：TensorFlow 的自動微分，以及本套件手寫的 BPTT
#
# `keras.layers.SimpleRNN` 的梯度由 TensorFlow 自動微分得到：它記下每一個運算。`rnn_keras.layers.SimpleRNN` 的梯度
# 則和上面一樣是手寫的，只是快得多；`execution_path` 會說明走的是哪一條路。兩者放進同一組權重，以 float32 計算。


# %%
def tape_gradients(layer_class):
    inputs = keras.Input((STEPS, FEATURES))
    layer = layer_class(UNITS, return_sequences=True)
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    model.set_weights([weights[name] for name in ("W", "U", "b", "V", "d")])

    @tf.function(autograph=False)
    def differentiate():
        with tf.GradientTape() as tape:
            loss = 0.5 * tf.reduce_sum((model(x[np.newaxis].astype("float32")) - target.astype("float32")) ** 2)
        return tape.gradient(loss, model.trainable_variables)

    values = [gradient.numpy() for gradient in differentiate()]
    return dict(zip(("W", "U", "b", "V", "d"), values, strict=True)), getattr(layer, "execution_path", "TensorFlow's")


for layer_class in (keras.layers.SimpleRNN, SimpleRNN):
    theirs, path = tape_gradients(layer_class)
    largest = max(np.abs(theirs[name] - by_hand[name]).max() / np.abs(by_hand[name]).max() for name in weights)
    print(f"{layer_class.__module__.split('.')[0]:9} (path: {path}): largest relative difference {largest:.0e}")
    assert largest < 1e-4
assert path == "fast"

# %% [en]
# ## Which step contributes how much?
#
# Take the loss of the **last** step alone. The gradient with respect to $U$ is a sum over all steps, and the term that
# comes from $k$ steps before contains a product of $k$ Jacobians $\mathrm{diag}(1-h^2)\,U^\top$. Here each term is
# computed for itself; their sum must be the whole gradient.
# %% [zh-TW]
# ## 每一步各貢獻多少？
#
# 只取**最後一步**的損失。對 $U$ 的梯度是所有時間步的總和，而來自 $k$ 步以前的那一項，裡面有 $k$ 個 Jacobian
# $\mathrm{diag}(1-h^2)\,U^\top$ 相乘。下面把每一項分開計算；全部加起來必須等於完整的梯度。


# %%
def terms_of_last_loss(weights, x, target):
    """The terms of the gradient with respect to U by lag, `(steps, units, units)`; lag 0 is the last step."""
    h, y = forward(weights, x)
    into_state, terms = (y[-1] - target[-1]) @ weights["V"].T, []
    for t in reversed(range(len(x))):
        delta = into_state * (1 - h[t + 1] ** 2)
        terms.append(np.outer(h[t], delta))
        into_state = delta @ weights["U"].T
    return np.array(terms)


terms = terms_of_last_loss(weights, x, target)
_, outputs = forward(weights, x)
only_last = np.where(np.arange(STEPS)[:, np.newaxis] == STEPS - 1, target, outputs)  # no error before the last step
assert np.allclose(terms.sum(axis=0), backward(weights, x, only_last)["U"])

norms = np.linalg.norm(terms, axis=(1, 2))
for lag in (0, 1, 2, 5, 10, 18):
    print(f"lag {lag:2}: norm of the term {norms[lag]:.5f}, {norms[lag] / norms[0]:.2%} of lag 0")

# %% [en]
# ## Truncated BPTT
#
# If old terms are small, why not leave them out? With the last $k$ terms alone the cost no longer grows with the length
# of the sequence. The price is that what lies further back is never credited. The cosine of the angle between the
# truncated and the whole gradient says how good the direction is.
# %% [zh-TW]
# ## 截斷的時序反向傳播
#
# 既然很久以前的項很小，何不乾脆省略？只保留最近 $k$ 項，計算量就不再隨序列長度增加；代價是更早以前的事永遠得不到功勞。
# 截斷後的梯度和完整梯度之間夾角的餘弦，可以告訴我們方向還準不準。

# %%
whole = terms.sum(axis=0).ravel()
partial = np.cumsum(terms, axis=0).reshape(STEPS, -1)
cosines = partial @ whole / (np.linalg.norm(partial, axis=1) * np.linalg.norm(whole))
print("terms kept:", {k: round(float(cosines[k - 1]), 3) for k in (1, 2, 4, 8, 16, STEPS)})

figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
axes[0].semilogy(norms[:-1], "o-")  # the term of the first step is zero, since no state came into it
axes[0].set(title="terms of the gradient of the last loss", xlabel="lag", ylabel="norm", xticks=range(0, 20, 4))
axes[1].plot(np.arange(1, STEPS + 1), cosines, "o-")
axes[1].set(title="truncated BPTT", xlabel="terms kept", ylabel="cosine with the whole gradient")
axes[1].set_xticks(range(0, STEPS + 1, 4))
for axis in axes:
    axis.grid(alpha=0.3)
plt.show()

# %% [en]
# ## Learning with our own gradients
#
# Gradient descent with `backward`, and the same with Keras. Both start from the same weights and must take the same
# path.
# %% [zh-TW]
# ## 用自己寫的梯度來訓練
#
# 一邊用 `backward` 做梯度下降，一邊用 Keras 做。兩邊從同一組權重出發，走的路必須完全一樣。

# %%
RATE, EPOCHS = 0.01, 21
mine = {name: value.copy() for name, value in weights.items()}
my_losses = []
for _ in range(EPOCHS):
    my_losses.append(loss_of(mine, x, target))
    for name, gradient in backward(mine, x, target).items():
        mine[name] -= RATE * gradient

model = keras.Sequential(
    [keras.Input((STEPS, FEATURES)), SimpleRNN(UNITS, return_sequences=True), keras.layers.Dense(1)]
)
model.set_weights([weights[name] for name in ("W", "U", "b", "V", "d")])
# Keras's mean over the steps, instead of half the sum: the rate is larger by as much.
model.compile(keras.optimizers.SGD(RATE * STEPS / 2), "mse")
history = model.fit(x[np.newaxis], target[np.newaxis], epochs=EPOCHS, verbose=0).history["loss"]
their_losses = np.array(history) * STEPS / 2

for epoch in (0, 1, 10, 20):
    print(f"epoch {epoch:2}: by hand {my_losses[epoch]:.5f}, Keras {their_losses[epoch]:.5f}")
assert np.allclose(my_losses, their_losses, rtol=1e-3)

# %% [en]
# ## Try it yourself
#
# 1. In `make_weights`, multiply the orthogonal matrix by 0.5, or by 1.3, instead of 0.9. How do the terms change with
#    the lag? Notebook 6 is about this.
# 2. Why does the term of the very first step vanish for $U$, but not for $W$?
# 3. Write `backward` for an activation $\mathrm{relu}(z)$. Which factor replaces $1 - h_t^2$?
# %% [zh-TW]
# ## 動手試試
#
# 1. 在 `make_weights` 裡，把正交矩陣乘的 0.9 改成 0.5 或 1.3。各項的大小隨距離怎麼變？這正是第 6 課的主題。
# 2. 最前面那一步的項，對 $U$ 是零，對 $W$ 卻不是。為什麼？
# 3. 把激勵函數換成 $\mathrm{relu}(z)$，改寫 `backward`。$1 - h_t^2$ 要換成什麼？
