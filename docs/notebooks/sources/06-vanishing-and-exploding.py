# %% [en]
# # 6. "To be or not to be": gradients that vanish and explode
#
# *To be or not to be, that is the question.* A network that has read up to "the" should say "question". Suppose that
# the word depends on the very first one. Then the error at the end must reach the first "To", along all steps between.
# How much of it arrives?
# %% [zh-TW]
# # 6. "To be or not to be"：梯度消失與梯度爆炸
#
# *To be or not to be, that is the question.* 網路讀到 "the"，應該接 "question"。假設這個字是由第一個字決定的，那麼最後
# 的誤差必須一路傳回第一個 "To"，中間每一步都要經過。最後還剩下多少？

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from rnn_keras.diagnostics import FlowProbe, GradientMonitor, gradient_flow, jacobian_product, plot_gradient_flow
from rnn_keras.layers import GRU, LSTM, SimpleRNN

keras.utils.set_random_seed(1)
words = ["To", "be", "or", "not", "to", "be", ",", "that", "is", "the", "question"]
vocabulary = sorted(set(words))
ids = np.array([[vocabulary.index(word) for word in words]])
print(len(words), "words,", len(vocabulary), "different ones:", vocabulary)

# %% [en]
# ## What reaches the first word
#
# `FlowProbe` measures the norm of the gradient of the loss at "question" with respect to each word's vector. It counts
# in **lags**: lag 0 is the word right before. The cells are not trained yet, and each figure is the mean over ten
# random starts, because one start alone says little.
# %% [zh-TW]
# ## 傳到第一個字還剩多少
#
# `FlowProbe` 量的是：在 "question" 的損失，對前面每一個字的向量，梯度有多大。距離用 **lag** 表示，lag 0 是緊接在前面的
# 字。這時網路還沒有訓練；單一次隨機初始化說明不了什麼，所以取十次的平均。


# %%
def build(layer_class, words, **options):
    """Ids `(batch, words)` -> logits of the next word."""
    initializer = keras.initializers.RandomNormal(stddev=0.5)
    vectors = keras.layers.Embedding(words, 16, embeddings_initializer=initializer)
    layers = [keras.Input((None,), dtype="int32"), vectors, layer_class(32, **options), keras.layers.Dense(words)]
    return keras.Sequential(layers)


def loss_at_question(logits):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, -1], logits)


figure, axis = plt.subplots(figsize=(8, 3.6))
reach = {}
for layer_class in (SimpleRNN, LSTM, GRU):
    model = build(layer_class, len(vocabulary))
    probe, logs = FlowProbe(model, target_fn=loss_at_question), []
    for seed in range(10):
        keras.utils.set_random_seed(seed)
        model.set_weights(build(layer_class, len(vocabulary)).get_weights())
        norms = probe(ids[:, :-1]).inputs
        logs.append(np.log(norms / norms[0]))
    name = layer_class.__name__
    by_lag = np.exp(np.mean(logs, axis=0))
    reach[name] = by_lag[-1]
    print(f"{name:9}: of what reaches the last 'the', {reach[name]:.1%} reaches the first 'To'")
    axis.semilogy(range(len(by_lag)), by_lag[::-1], "o-", label=name)
axis.set_xticks(range(len(words) - 1), words[:-1])
axis.set(ylabel="gradient, relative to lag 0")
axis.grid(alpha=0.3)
axis.legend()
plt.show()
assert reach["GRU"] < reach["SimpleRNN"] < 0.5

# %% [en]
# Surprised? A fresh LSTM or GRU is no better than a plain network. A gate is not open by itself; it *can* be opened,
# by its bias or by training. Notebooks 7 and 8 do both.
#
# ## Why: a product of Jacobians
#
# $$\frac{\partial h_T}{\partial h_{T-k}} = \prod_{t=T-k+1}^{T} \frac{\partial h_t}{\partial h_{t-1}}, \qquad
# \frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1 - h_t^2)\, U^\top$$
#
# One factor for each step. If they shrink by 10 % each, then of a gradient $0.9^{100} \approx 0.00003$ is left after
# 100 steps; if they grow by 10 %, it is $1.1^{100} \approx 14000$ times as large. Only a factor of 1 keeps it. Let us
# read the sentence ten times over and scale the recurrent kernel $U$, an orthogonal matrix, by 0.5, 1 and 1.5.
# %% [zh-TW]
# 有點意外吧？剛初始化的 LSTM 和 GRU 並不比最簡單的網路好。閘門不會自己打開；它是*可以*打開的，靠偏差值，或者靠訓練。
# 第 7、8 課兩種都會做。
#
# ## 原因：Jacobian 的連乘
#
# $$\frac{\partial h_T}{\partial h_{T-k}} = \prod_{t=T-k+1}^{T} \frac{\partial h_t}{\partial h_{t-1}}, \qquad
# \frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1 - h_t^2)\, U^\top$$
#
# 每一步乘上一個因子。每步縮小一成，100 步之後只剩 $0.9^{100} \approx 0.00003$；每步放大一成，就變成
# $1.1^{100} \approx 14000$ 倍。只有因子等於 1 才能保持不變。我們把這句話連讀十遍，並把循環權重 $U$（正交矩陣）
# 分別乘上 0.5、1、1.5。

# %%
print(f"0.9^100 = {0.9**100:.5f}   1.1^100 = {1.1**100:.0f}")
keras.utils.set_random_seed(1)
long_text = keras.layers.Embedding(len(vocabulary), 16, embeddings_initializer="normal")(np.tile(ids, 10))
flows, factors = {}, {}
for scale in (0.5, 1.0, 1.5):
    layer = SimpleRNN(32, recurrent_initializer=keras.initializers.Orthogonal(scale))
    product = jacobian_product(layer, long_text)
    factors[scale] = product.per_step[-1]
    flows[f"U times {scale}"] = gradient_flow(layer, long_text)
    print(f"U times {scale}: {product.summary}")
plot_gradient_flow(flows, "the sentence, ten times over")
plt.show()
assert factors[0.5] < 0.6 and 0.9 < factors[1.0] < 1.0 < factors[1.5] < 1.5

# %% [en]
# The slope $1 - h^2$ of tanh is at most 1, and it is smallest where the state is large. So the factor is always below
# that of $U$, and for 1.5 far below it: large weights saturate the state, which brakes the explosion.
#
# ## What it means for learning
#
# The first word is one of eight, the words after it are random, and at the end the first one must be named. The loss
# tells the network so; but only a gradient that reaches the first word can teach it to remember. An LSTM starts with a
# forget gate bias of 1, that is $f = \sigma(1) = 0.73$. The last network starts with a bias of 5, $f = 0.993$.
# %% [zh-TW]
# tanh 的斜率 $1 - h^2$ 最大是 1，狀態愈大，斜率愈小。所以因子永遠小於 $U$ 本身的倍數；1.5 的情況差得更多：
# 權重太大會讓狀態飽和，反而替爆炸踩了煞車。
#
# ## 對學習的影響
#
# 第一個字是八個字之一，後面全是隨機的字，最後要回答第一個字是什麼。損失很清楚，可是只有傳得到第一個字的梯度，才教得會
# 網路去記住它。LSTM 的遺忘門偏差一開始是 1，也就是 $f = \sigma(1) = 0.73$；最後一個網路則從 5 開始，$f = 0.993$。


# %%
def make_task(length, count=3000):
    """Ids `(count, length)`, of which the first one, 0 to 7, is the target."""
    generator = np.random.default_rng(length)
    sequences = generator.integers(8, 16, (count, length)).astype("int32")
    sequences[:, 0] = generator.integers(8, size=count)
    return sequences, sequences[:, 0].copy()


def set_forget_bias(model, value):
    layer = model.layers[1]
    kernel, recurrent_kernel, bias = layer.get_weights()
    bias[layer.units : 2 * layer.units] = value  # the order is input gate, forget gate, candidate, output gate
    layer.set_weights([kernel, recurrent_kernel, bias])


print("forget gate:", {bias: round(float(1 / (1 + np.exp(-bias))), 3) for bias in (1, 5)})
cases = [(length, *cell) for length in (5, 60) for cell in (("SimpleRNN", SimpleRNN, None), ("LSTM, bias 1", LSTM, 1))]
accuracy = {}
for length, name, layer_class, bias in [*cases, (60, "LSTM, bias 5", LSTM, 5)]:
    sequences, targets = make_task(length)
    keras.utils.set_random_seed(1)
    model = build(layer_class, 16)
    if bias is not None:
        set_forget_bias(model, bias)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.005, global_clipnorm=1.0), loss, metrics=["accuracy"])
    model.fit(sequences[:2500], targets[:2500], batch_size=50, epochs=6, verbose=0)
    accuracy[name, length] = model.evaluate(sequences[2500:], targets[2500:], batch_size=500, verbose=0)[1]
    print(f"{length:2} words, {name:12}: right {accuracy[name, length]:.0%} (guessing: 12%)")
assert min(value for (_, length), value in accuracy.items() if length == 5) > 0.9
assert accuracy["SimpleRNN", 60] < 0.4 < 0.7 < accuracy["LSTM, bias 5", 60]

# %% [en]
# Near by, every network learns it. Far away, only the one whose gradient arrives.
#
# ## Explosions, and clipping
#
# A plain network with recurrent weights that are too large, trained by gradient descent on the sum of ten numbers. Once
# the weights cross into the region where the product grows, one step throws them far away. **Clipping** keeps the
# direction of the gradient $g$ and limits its length: $g \leftarrow g \cdot \min(1, c / \lVert g \rVert)$.
# `GradientMonitor` watches the norms, before clipping.
# %% [zh-TW]
# 距離近，每一種網路都學得會；距離遠，只有梯度傳得到的那一個才行。
#
# ## 爆炸，以及梯度裁剪
#
# 循環權重過大的簡單循環網路，用梯度下降法學「十個數字的和」。權重一旦踏進連乘會變大的區域，只要更新一次就會飛到很遠的地
# 方。 **梯度裁剪**（clipping）保留梯度 $g$ 的方向，只限制它的長度：
# $g \leftarrow g \cdot \min(1, c / \lVert g \rVert)$。 `GradientMonitor` 記錄的是裁剪之前的大小。

# %%
numbers = np.random.default_rng(1).uniform(size=(32 * 250, 10, 1)).astype("float32")
figure, axis = plt.subplots(figsize=(8, 3))
last_loss = {}
for clip in (None, 1.0):
    keras.utils.set_random_seed(1)
    recurrent = SimpleRNN(32, recurrent_initializer=keras.initializers.Orthogonal(2.0))
    model = keras.Sequential([keras.Input((10, 1)), recurrent, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1, global_clipnorm=clip), "mse")
    monitor = GradientMonitor()
    batches = tf.data.Dataset.from_tensor_slices((numbers, numbers.sum(axis=1))).batch(32).repeat()
    logs = model.fit(batches, steps_per_epoch=5, epochs=50, shuffle=False, verbose=0, callbacks=[monitor]).history
    name = "not clipped" if clip is None else f"clipped to {clip:g}"
    last_loss[clip] = logs["loss"][-1]
    exploded = "never" if monitor.exploded_at is None else f"at step {monitor.exploded_at}"
    print(f"{name}: exploded {exploded}, loss at the end {last_loss[clip]:.3f}")
    axis.semilogy(5 * np.arange(1, 51), logs["gradient_norm_largest"], label=name)
axis.set(xlabel="step", ylabel="largest norm of 5 steps")
axis.grid(alpha=0.3)
axis.legend()
plt.show()
assert not last_loss[None] < 2 and last_loss[1.0] < 1

# %% [en]
# ## Try it yourself
#
# 1. Which scale of $U$ makes the factor per step exactly 1 on this text? Why would that still not be enough to learn
#    from the first word, if every *other* word changed the state as well?
# 2. In the task of 60 words, raise the LSTM's bias from 1 in steps of one. At which value does learning set in, and
#    what is $\sigma(\text{bias})^{60}$ there?
# 3. Clip to 0.01, and to 100. What is wrong with each?
# %% [zh-TW]
# ## 動手試試
#
# 1. $U$ 要乘上多少，這段文字每步的因子才會剛好是 1？就算是 1，如果*其他*每個字也都會改變狀態，為什麼還是不夠？
# 2. 60 個字的任務裡，把 LSTM 的偏差從 1 開始一次加 1。加到多少開始學得會？這時 $\sigma(\text{bias})^{60}$ 是多少？
# 3. 把梯度裁剪到 0.01，再裁剪到 100，各有什麼問題？
