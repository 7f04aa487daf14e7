# %% [en]
# # 1. What shall we wear today? Why a network needs memory
#
# A network without memory gives the same answer to the same question. Ask it every morning what to wear, show it the
# weather, and on every hot day it names the same shirt. We do not: yesterday's shirt is in the laundry basket. The
# right answer depends on what came **before**.
#
# Here we make diaries of somebody whose habits we know, so that we know the best possible score too, and compare three
# networks.
# %% [zh-TW]
# # 1. 今天穿什麼？為什麼神經網路需要記憶
#
# 沒有記憶的網路，問題一樣，答案就一樣。每天早上給它看天氣、問它今天穿什麼，只要天氣熱，它永遠回答同一件衣服。
# 我們卻不會這樣：昨天那件還在洗衣籃裡。正確答案取決於**之前**發生過的事。
#
# 這一課先產生一些日記，寫日記的人有什麼習慣我們完全知道，所以最高能答對多少也算得出來；接著比較三種網路。

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from rnn_keras.diagnostics import gate_traces
from rnn_keras.layers import SimpleRNN

keras.utils.set_random_seed(1)
generator = np.random.default_rng(1)

# %% [en]
# ## The habits
#
# There are three pieces for cold days (0, 1, 2) and three for hot days (3, 4, 5). For each kind of weather the person
# wears them in turn, and after the third everything of that kind has been washed. Each day the weather changes with a
# probability of one half.
# %% [zh-TW]
# ## 這個人的習慣
#
# 冷天的衣服有三件（0、1、2），熱天也有三件（3、4、5）。每一種天氣都按順序輪流穿，穿完第三件，那一類的衣服也都洗好了，
# 再從第一件開始。每天天氣有一半的機率改變。

# %%
DAYS, PIECES, CHANGE = 14, 3, 0.5


def write_diaries(count, days=DAYS):
    """Weather (0 cold, 1 hot) and clothes (0 to 5), `(count, days)`."""
    weather = np.cumsum(generator.random((count, days)) < CHANGE, axis=1) % 2
    next_piece = generator.integers(PIECES, size=(count, 2))  # in the middle of a week, we do not start with the first
    clothes = np.zeros((count, days), int)
    for day in range(days):
        rows, kind = np.arange(count), weather[:, day]
        clothes[:, day] = PIECES * kind + next_piece[rows, kind]
        next_piece[rows, kind] = (next_piece[rows, kind] + 1) % PIECES
    return weather, clothes


def encode(weather, clothes):
    """What is known in the morning: today's weather, and what was worn yesterday (all zeros on the first day)."""
    yesterday = np.zeros((*clothes.shape, 2 * PIECES), "float32")
    yesterday[:, 1:] = np.eye(2 * PIECES)[clothes[:, :-1]]
    return np.concatenate([np.eye(2)[weather], yesterday], axis=-1).astype("float32")


weather, clothes = write_diaries(2000)
test_weather, test_clothes = write_diaries(1000)
for day in range(7):
    print(f"day {day + 1}: {['cold', 'hot'][weather[0, day]]:4}  piece {clothes[0, day]}")

# %% [en]
# ## Three networks
#
# 1. **today**: a dense network that sees today's weather.
# 2. **today and yesterday**: the same, which also sees what was worn yesterday.
# 3. **with memory**: a recurrent neural network. It has the same inputs, and a **hidden state** $h_t$ that it hands on
#    from day to day:
#
# $$h_t = \tanh(x_t W + h_{t-1} U + b)$$
#
# $x_t$ is what it sees on day $t$. Without the term $h_{t-1} U$ this is an ordinary dense layer: the whole difference
# is that yesterday's state comes back in.
# %% [zh-TW]
# ## 三種網路
#
# 1. **today**：全連接網路，只看今天的天氣。
# 2. **today and yesterday**：一樣是全連接網路，但也看得到昨天穿了什麼。
# 3. **with memory**：循環神經網路（RNN）。輸入相同，另外還有一個**隱藏狀態** $h_t$，一天一天往後傳：
#
# $$h_t = \tanh(x_t W + h_{t-1} U + b)$$
#
# $x_t$ 是第 $t$ 天看到的資料。拿掉 $h_{t-1} U$ 這一項，它就是普通的全連接層；差別只有一個：昨天的狀態會再輸入進來。


# %%
def build(hidden_layer, features):
    """Steps `(batch, days, features)` -> probabilities of each piece on each day."""
    layers = [keras.Input((None, features)), hidden_layer, keras.layers.Dense(2 * PIECES, activation="softmax")]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


inputs, test_inputs = encode(weather, clothes), encode(test_weather, test_clothes)
networks = {
    "today": (build(keras.layers.Dense(32, "tanh"), 2), 2),
    "today and yesterday": (build(keras.layers.Dense(32, "tanh"), 8), 8),
    "with memory": (build(SimpleRNN(32, return_sequences=True), 8), 8),
}
is_right = {}
for name, (network, features) in networks.items():
    network.fit(inputs[..., :features], clothes, batch_size=50, epochs=15, verbose=0)
    answers = network.predict(test_inputs[..., :features], verbose=0).argmax(axis=-1)
    is_right[name] = answers == test_clothes

# %% [en]
# ## What is possible, and what they reach
#
# Seeing today's weather, three pieces are equally likely: $1/3$ of the days can be right. Who also knows yesterday's
# clothes can name today's for certain if the weather is the same, and must guess otherwise:
# $(1-p) + p \cdot 1/3$ with the probability $p$ of a change. Who remembers everything is always right, as soon as both
# kinds of weather have occurred; so we score the second week.
# %% [zh-TW]
# ## 理論上限，以及實際成績
#
# 只看今天的天氣，三件衣服機率相等，只能答對 $1/3$。如果還知道昨天穿什麼：天氣沒變就能確定，天氣變了只好猜，
# 所以上限是 $(1-p) + p \cdot 1/3$，$p$ 是天氣改變的機率。記得所有事情的人，只要兩種天氣都出現過，就不會答錯；
# 因此我們只計算第二週的成績。

# %%
second_week = np.arange(DAYS) >= 7
changed = np.mean(test_weather[:, 7:] != test_weather[:, 6:-1])
possible = {"today": 1 / 3, "today and yesterday": (1 - changed) + changed / 3, "with memory": 1.0}
accuracy = {name: right[:, second_week].mean() for name, right in is_right.items()}
for name in networks:
    print(f"{name:20} possible {possible[name]:.2f}   reached {accuracy[name]:.2f}")

assert abs(accuracy["today"] - possible["today"]) < 0.04
assert abs(accuracy["today and yesterday"] - possible["today and yesterday"]) < 0.04
assert accuracy["with memory"] > 0.95

# %% [en]
# ## How far back must one remember?
#
# As far back as the last day with today's weather. Let us sort the days of the second week by that distance.
# %% [zh-TW]
# ## 要記得多久以前的事？
#
# 要一直回想到「上一次也是這種天氣」的那一天。把第二週的每一天依這個距離分組來看。

# %%
distance = np.zeros_like(test_weather)
for kind in (0, 1):
    since = np.full(len(test_weather), 99)
    for day in range(DAYS):
        today = test_weather[:, day] == kind
        distance[today, day] = since[today]
        since = np.where(today, 1, since + 1)

lags = np.arange(1, 7)
figure, axis = plt.subplots(figsize=(7, 3.4))
for name, right in is_right.items():
    by_lag = [right[:, second_week][distance[:, second_week] == lag].mean() for lag in lags]
    print(f"{name:20}", " ".join(f"{value:.2f}" for value in by_lag))
    axis.plot(lags, by_lag, "o-", label=name)
axis.axhline(1 / 3, color="grey", linestyle=":", label="guessing one of three")
axis.set(xlabel="days since the weather was last as today", ylabel="accuracy", ylim=(0, 1.05))
axis.grid(alpha=0.3)
axis.legend(fontsize=8, loc=(0.65, 0.5))
plt.show()

# %% [en]
# The dense network that sees yesterday is perfect at a distance of one day and guesses at every other. No wider layer
# helps it: what it would need is not among its inputs. The recurrent network has the same inputs and answers from its
# state.
#
# ## Looking at the memory
#
# `gate_traces` gives the hidden state on each day. While the weather stays cold, a memory of the *hot* clothes must
# survive, though nothing that comes in speaks of them. Can it be read from the state? We fit a linear map (least
# squares) from the state to the hot piece that comes next, and use only cold days.
# %% [zh-TW]
# 看得到昨天的全連接網路，距離一天時幾乎全對，其他距離就只能用猜的。把它加寬也沒有用：需要的資訊根本不在輸入裡。
# 循環神經網路的輸入完全一樣，答案是從隱藏狀態來的。
#
# ## 看看它記住了什麼
#
# `gate_traces` 會給出每一天的隱藏狀態。天氣一直冷的時候，「*熱天*輪到哪一件」這個記憶必須自己保存下來，因為輸入完全沒有
# 提到它。我們能不能從狀態讀出來？只取冷天，用最小平方法配適一個線性函數：從狀態推出下一次熱天要穿哪一件。

# %%
states = gate_traces(networks["with memory"][0], test_inputs)["hidden_state"]
next_hot, known = np.zeros_like(test_clothes), np.full(len(test_clothes), -1)  # -1 before the first hot day
for day in range(DAYS):
    known = np.where(test_weather[:, day] == 1, (test_clothes[:, day] - PIECES + 1) % PIECES, known)
    next_hot[:, day] = known
usable = (test_weather == 0) & (next_hot >= 0) & second_week
features, targets = np.c_[states[usable], np.ones(usable.sum())], np.eye(PIECES)[next_hot[usable]]
half = len(features) // 2
fitted = np.linalg.lstsq(features[:half], targets[:half], rcond=None)[0]
read = (features[half:] @ fitted).argmax(axis=1) == targets[half:].argmax(axis=1)
print(f"read from the state on {read.mean():.0%} of cold days (guessing: 33%)")
assert read.mean() > 0.8

# %% [en]
# ## Try it yourself
#
# 1. Set `CHANGE = 0.1`, weather that stays. Which of the three networks gains most, and what does the formula say?
# 2. Give the recurrent network 4 units instead of 32. It has to remember one of three pieces for each of two kinds of
#    weather, nine cases in all. Are four numbers enough?
# 3. Feed `with memory` only the weather, not yesterday's clothes. What would it have to count, and why can it not know
#    where to start?
# %% [zh-TW]
# ## 動手試試
#
# 1. 改成 `CHANGE = 0.1`，天氣不太會變。三種網路哪一種進步最多？和公式算的一樣嗎？
# 2. 把循環神經網路從 32 個單元減到 4 個。它要替兩種天氣各記住三件裡的一件，一共九種情況，四個數字夠用嗎？
# 3. 只給 `with memory` 看天氣，不給它看昨天穿的衣服。這時它必須自己數什麼？為什麼它不可能知道要從哪裡數起？
