# %% [en]
# # 2. 144 + 177 = 321: the carry is a memory
#
# Adding two numbers as at school, column by column from the right, is a sequence task: two digits go in, one digit
# comes out. But the digit below a column does not depend on that column alone. In $144 + 177$ the units give
# $4 + 7 = 11$: we write 1 and **carry** 1. The network never sees the carry. It must find out by itself that there is
# something worth remembering.
# %% [zh-TW]
# # 2. 144 + 177 = 321：進位就是記憶
#
# 直式加法從右邊一位一位往左算，正好是一個序列問題：每一步讀進兩個數字，寫出一個數字。可是寫出來的數字不只看這一位：
# $144 + 177$ 的個位是 $4 + 7 = 11$，寫 1、**進位** 1。訓練資料裡沒有「進位」這一欄，網路必須自己發現有東西值得記住。

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from rnn_keras.diagnostics import gate_traces
from rnn_keras.layers import SimpleRNN

keras.utils.set_random_seed(1)
generator = np.random.default_rng(1)

# %% [en]
# ## Sums, column by column
#
# Step 0 is the column of the units. What leaves a column as a carry is decided by its two digits $a$ and $b$ in one of
# three ways:
#
# $$c_{t+1} = \begin{cases} 0 & a_t + b_t < 9 \quad\text{(cleared)} \\ c_t & a_t + b_t = 9 \quad\text{(kept)} \\
# 1 & a_t + b_t > 9 \quad\text{(set)} \end{cases}$$
#
# So the carry is a memory of one bit that is cleared, kept or set. Only columns that add up to nine test whether a
# network can *keep* it. With random digits they are one in ten; we make more of them, so that long carries occur.
# %% [zh-TW]
# ## 一位一位地加
#
# 第 0 步是個位。一位的兩個數字 $a$、$b$ 決定往左的進位，只有三種情況：
#
# $$c_{t+1} = \begin{cases} 0 & a_t + b_t < 9 \quad\text{（清除）} \\ c_t & a_t + b_t = 9 \quad\text{（保持）} \\
# 1 & a_t + b_t > 9 \quad\text{（設定）} \end{cases}$$
#
# 也就是說，進位是一個位元的記憶：清除、保持、設定。只有兩數相加剛好等於九的位，才考得出網路能不能「保持」記憶。
# 隨機數字裡這種情況只占十分之一，所以我們刻意多放一些，讓進位能傳得很遠。


# %%
def make_sums(count, digits, most=1.0):
    """Digits of two numbers, `(count, digits)`, the units first; each sum has another share of nines."""
    first, second = generator.integers(10, size=(2, count, digits))
    nines = generator.random((count, digits)) < most * generator.random((count, 1))
    second = np.where(nines, 9 - first, second)
    return np.pad(first, ((0, 0), (0, 1))), np.pad(second, ((0, 0), (0, 1)))  # room for the last carry


def add(first, second):
    """The digits of the sum, and the carry that comes into each column."""
    digits, carries = np.zeros_like(first), np.zeros_like(first)
    carry = np.zeros(len(first), int)
    for column in range(first.shape[1]):
        carries[:, column] = carry
        total = first[:, column] + second[:, column] + carry
        digits[:, column], carry = total % 10, total // 10
    return digits, carries


def encode(first, second):
    """Each column as two one-hot vectors, `(count, columns, 20)`."""
    return np.concatenate([np.eye(10)[first], np.eye(10)[second]], axis=-1).astype("float32")


def columns_of(number, columns):
    return np.array([[int(digit) for digit in str(number).zfill(columns)[::-1]]])


first, second = columns_of(144, 4), columns_of(177, 4)
digits, carries = add(first, second)
print("column from the right  0 1 2 3")
for name, row in {"first": first, "second": second, "carry in": carries, "sum": digits}.items():
    print(f"{name:22}", *row[0])

# %% [en]
# ## With memory and without
#
# Both networks learn from 10,000 sums of up to eight digits. The dense one sees each column for itself.
# %% [zh-TW]
# ## 有記憶與沒有記憶
#
# 兩種網路都用 10,000 題八位數以內的加法來訓練。全連接網路一次只看一位。


# %%
def build(hidden_layer):
    """Columns `(batch, columns, 20)` -> probabilities of the sum's digit, `(batch, columns, 10)`."""
    model = keras.Sequential([keras.Input((None, 20)), hidden_layer, keras.layers.Dense(10, activation="softmax")])
    falling = keras.optimizers.schedules.PiecewiseConstantDecay([1100], [0.01, 0.001])  # 1,413 steps in all
    model.compile(keras.optimizers.Adam(falling), "sparse_categorical_crossentropy")
    return model


train_sums = make_sums(10000, 8)
train_digits, _ = add(*train_sums)
networks = {
    "without memory": build(keras.layers.Dense(32, "tanh")),
    "with memory": build(SimpleRNN(32, return_sequences=True)),
}
for network in networks.values():
    network.fit(encode(*train_sums), train_digits, batch_size=64, epochs=9, verbose=0)


def answer(name, first, second):
    return networks[name].predict(encode(first, second), batch_size=250, verbose=0).argmax(axis=-1)


print("144 + 177:", {name: "".join(map(str, answer(name, first, second)[0][::-1])) for name in networks})

results = {}
for length in (8, 50, 200):
    sums = make_sums(250, length)
    expected, _ = add(*sums)
    for name in networks:
        right = answer(name, *sums) == expected
        results[name, length] = right.mean()
        print(
            f"{length:3} digits, {name:14}: {right.mean():.3f} of digits, {right.all(axis=1).mean():.3f} of whole sums"
        )

assert results["without memory", 8] < 0.8 and results["with memory", 8] > 0.98
assert results["without memory", 200] < 0.6 and results["with memory", 200] > 0.97

# %% [en]
# Trained on eight digits, the recurrent network adds two hundred, and its digits are right as often as before. It did
# not learn 8-digit sums by heart, but the rule that takes the state of one column to the next; and a rule can be
# applied as often as one likes.
#
# ## A hard test: a carry that travels
#
# $999\ldots9 + 1$: the carry is made in the first column and kept in all others. How far can it go? And in
# $999\ldots9 + 0$ the network must remember just as long that there is none.
# %% [zh-TW]
# 只用八位數訓練，循環神經網路卻會算兩百位數，每一位的準確率幾乎不變。它學到的不是八位數的答案，而是一條規則：這一位的狀
# 態怎麼變成下一位的狀態。規則想用幾次就能用幾次。
#
# ## 難題：走很遠的進位
#
# $999\ldots9 + 1$：進位在個位產生，後面每一位都要把它保持住。它能走多遠？至於 $999\ldots9 + 0$，網路得記住同樣久：
# 沒有進位。

# %%
for length in (5, 20, 100, 500):
    nines, other = np.full((2, length + 1), 9), np.zeros((2, length + 1), int)
    nines[:, -1], other[0, 0] = 0, 1
    expected, _ = add(nines, other)
    with_one, with_zero = (answer("with memory", nines, other) == expected).mean(axis=1)
    print(f"{length:3} nines: {with_one:.3f} of the digits are right when 1 is added, {with_zero:.3f} when 0 is added")
    if length <= 20:
        assert with_one == with_zero == 1

# %% [en]
# ## Where is the carry?
#
# Nobody told the network about carries. Is there one in its hidden state? A linear **probe** answers: one direction in
# the 32 numbers, fitted by least squares on some sums, that says on other sums whether the carry is 0 or 1.
# %% [zh-TW]
# ## 進位藏在哪裡？
#
# 沒有人跟網路說過什麼是進位。它的隱藏狀態裡真的有進位嗎？用一個線性**探針**（probe）來回答：在 32 個數字裡找一個方向，
# 用一部分題目以最小平方法配適，再用另一部分題目檢驗它能不能分辨進位是 0 還是 1。

# %%
sums = make_sums(400, 12)
_, carries = add(*sums)
traces = gate_traces(networks["with memory"], encode(*sums))
states = traces["hidden_state"][:, :-1]  # after a column; the carry out of it is the one into the next
carry_out = carries[:, 1:]
half = len(states) // 2


def add_one(values):
    return np.concatenate([values, np.ones((*values.shape[:-1], 1))], axis=-1)


flat = add_one(states[:half]).reshape(-1, states.shape[-1] + 1)
probe = np.linalg.lstsq(flat, carry_out[:half].ravel(), rcond=None)[0]
found = add_one(states[half:]) @ probe > 0.5
print(f"the probe reads the carry right in {np.mean(found == carry_out[half:]):.1%} of the columns")
assert np.mean(found == carry_out[half:]) > 0.97

# %% [en]
# ## How can a network of 32 real numbers keep one bit for 500 steps?
#
# At every step the state is multiplied by a matrix, so one would expect small errors to grow. Let us disturb the
# memory: start between "no carry" and "carry", at ten places, then feed columns $9 + 0$, which should
# keep what is there.
# %% [zh-TW]
# ## 32 個實數怎麼能把一個位元保存 500 步？
#
# 狀態每一步都要乘上一個矩陣，小誤差照理會愈滾愈大。我們來干擾它的記憶：在「沒有進位」和「有進位」之間取十個起點，
# 接著一直輸入 $9 + 0$ 這種「照原樣保持」的位，看看會發生什麼事。

# %%
layer = networks["with memory"].layers[0]
keeping = encode(np.full((2, 6), 9), np.zeros((2, 6), int))
begin = encode(np.array([[0], [9]]), np.array([[0], [9]]))  # 0 + 0 has no carry, 9 + 9 has one
no_carry, carry = np.asarray(layer(np.concatenate([begin, keeping], axis=1)))[:, -1]
share = np.linspace(0, 1, 10)[:, np.newaxis]
starts = (no_carry + share * (carry - no_carry)).astype("float32")
nothing_new = np.repeat(encode(np.full((1, 30), 9), np.zeros((1, 30), int)), len(starts), axis=0)
path = np.asarray(layer(nothing_new, initial_state=[starts])) @ probe[:-1] + probe[-1]
print("start:            ", " ".join(f"{value:4.1f}" for value in share[:, 0]))
print("after 1 column:   ", " ".join(f"{value:4.1f}" for value in path[:, 0]))
print("after 30 columns: ", " ".join(f"{value:4.1f}" for value in path[:, -1]))
ends = path[:, -1]
assert np.all(np.minimum(abs(ends - ends[0]), abs(ends - ends[-1])) < 0.25) and ends[-1] - ends[0] > 0.6

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
axes[0].plot(range(31), np.c_[share, path].T, color="C0", linewidth=1)
axes[0].set(title="a disturbed memory", xlabel="columns 9 + 0 since then", ylabel="carry, as the probe reads it")
axes[0].grid(alpha=0.3)
first, second = columns_of(144144, 8), columns_of(855877, 8)
state = gate_traces(networks["with memory"], encode(first, second))["hidden_state"][0]
axes[1].imshow(state[::-1, np.argsort(probe[:-1])].T, aspect="auto", cmap="RdBu", vmin=-1, vmax=1)
labels = [f"{a}+{b}\n{c:.1f}" for a, b, c in zip(first[0], second[0], add_one(state) @ probe, strict=True)]
axes[1].set_xticks(range(8), labels[::-1], fontsize=8)
axes[1].set(title="144144 + 855877, the state", ylabel="unit", xlabel="column, and the probe's carry out of it")
plt.show()

# %% [en]
# The state does not drift: wherever it starts, it is pulled to one of **two stable points**, one for each value of the
# bit. Each step repairs the small errors of the step before, as a digital circuit does. This is what training has made
# of the recurrent weights, and why the carry survives many more columns than any that the network has seen.
#
# On the right time runs from right to left, as on paper: the state in each column of a sum.
#
# ## Try it yourself
#
# 1. Train with `most=0`. Columns that add up to nine then are one in ten. How far does the carry of $999\ldots9 + 1$
#    travel now? (A network learns to keep only what the training data ask it to keep.)
# 2. Give the numbers in the usual order, the leftmost digit first. Why is this impossible for a network that must
#    answer at each step, however large its memory?
# 3. Replace `SimpleRNN` with `GRU` of `rnn_keras.layers` (notebook 8). Has its state two stable points, too?
# %% [zh-TW]
# 狀態並沒有愈漂愈遠：不管從哪裡出發，都會被拉回**兩個穩定點**之一，一個代表 0，一個代表 1。就像數位電路一樣，
# 每一步都順手修正上一步的小誤差。訓練把循環權重調成這個樣子，所以進位能走的距離，遠遠超過訓練時看過的任何題目。
#
# 右圖的時間由右往左走，和紙上的直式一樣：一題加法的每一位，狀態長什麼樣子。
#
# ## 動手試試
#
# 1. 用 `most=0` 重新訓練，相加等於九的位就只剩十分之一。這時 $999\ldots9 + 1$ 的進位能走多遠？
#    （訓練資料要求記多久，網路就只學會記多久。）
# 2. 改成從最左邊的位開始輸入。為什麼每一步都要立刻回答的網路，記憶再大也不可能做到？
# 3. 把 `SimpleRNN` 換成 `rnn_keras.layers` 的 `GRU`（第 8 課會介紹）。它的狀態也有兩個穩定點嗎？
