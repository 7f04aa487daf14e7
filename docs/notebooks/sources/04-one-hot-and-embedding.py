# %% [en]
# # 4. From words to numbers: one-hot encoding and embedding
#
# A network multiplies and adds; words must become numbers first. The simplest way, **one-hot encoding**, is honest but
# costly, and says nothing about meaning. An **embedding** is learned. Here we see what each costs, that the second is
# only a faster way of computing with the first, and how words that are used alike become alike.
# %% [zh-TW]
# # 4. 把字變成數字：獨熱編碼與詞嵌入
#
# 神經網路只會乘和加，所以字要先變成數字。最簡單的**獨熱編碼**（one-hot encoding）老實但昂貴，而且完全不含語意。
# **詞嵌入**（embedding）則是學出來的。這一課看看兩者各要付出多少、為什麼後者其實只是前者的快速算法，
# 以及用法相近的字怎麼變得愈來愈像。

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from rnn_keras.diagnostics import cosine_similarities, plot_word_vectors
from rnn_keras.diagnostics.word_vectors import group_similarities, vector_costs
from rnn_keras.layers import GRU, LSTM, OneHot

keras.utils.set_random_seed(1)
generator = np.random.default_rng(1)

# %% [en]
# ## One-hot: a one at the word's place
# %% [zh-TW]
# ## 獨熱編碼：只有一個位置是 1

# %%
animals = ["dog", "cat", "pig"]
vectors = np.asarray(OneHot(3)(np.arange(3)[np.newaxis])[0])
for word, vector in zip(animals, vectors, strict=True):
    print(f"{word}: {vector.astype(int)}")
distances = np.linalg.norm(vectors[:, np.newaxis] - vectors, axis=-1)
print("distances:\n", distances.round(2))
print("cosine similarities:\n", cosine_similarities(vectors))
assert np.allclose(distances[~np.eye(3, dtype=bool)], np.sqrt(2))

# %% [en]
# Every two words are $\sqrt 2$ apart, and their similarity is 0. To the network a dog is as far from a cat as from a
# parliament, so nothing that it learns about dogs helps with cats.
#
# ## What it costs
# %% [zh-TW]
# 任兩個字的距離都是 $\sqrt 2$，相似度都是 0。在網路眼中，狗跟貓的距離，和狗跟國會的距離一樣遠；
# 學會了關於狗的事，對貓一點幫助也沒有。
#
# ## 要付出多少

# %%
for cost in vector_costs(20_000, 64):
    batch = cost["bytes"] * 64 * 200 / 1e6  # 64 texts of 200 words
    print(f"{cost['vector']:9}: {cost['width']:6,} numbers a word, {cost['zeros']:.3%} zeros, {batch:,.0f} MB a batch")

# %% [en]
# ## An embedding is a one-hot vector times a matrix
#
# Let $e_i$ be the one-hot vector of word $i$ and $E$ a matrix with a row for each word. Then
#
# $$e_i E = E_{i,:}$$
#
# The product picks row $i$. So nobody multiplies: the row is looked up. The same holds for the first product of a
# recurrent layer, $x_t W$: a layer on one-hot vectors looks up rows of its kernel. The layers of `rnn_keras` do so when
# they are given `input_dim`.
# %% [zh-TW]
# ## 詞嵌入就是獨熱向量乘上一個矩陣
#
# 令 $e_i$ 是第 $i$ 個字的獨熱向量，矩陣 $E$ 每一列（row）對應一個字，那麼
#
# $$e_i E = E_{i,:}$$
#
# 乘法的結果就是取出第 $i$ 列。所以根本不必真的去乘，查表就好。循環層的第一個乘法 $x_t W$ 也一樣：輸入是獨熱向量時，
# 等於在權重矩陣裡查一列。`rnn_keras` 的層只要給了 `input_dim`，就會這樣做。

# %%
ids = generator.integers(500, size=(8, 20))
matrix = generator.normal(size=(500, 16))
assert np.array_equal(np.eye(500)[ids] @ matrix, matrix[ids])

from_ids, from_vectors = LSTM(32, input_dim=500), LSTM(32)
one_hot = OneHot(500)(ids)
from_vectors.build(one_hot.shape)
from_ids.build(ids.shape)
from_ids.set_weights(from_vectors.get_weights())
difference = np.abs(np.asarray(from_ids(ids)) - np.asarray(from_vectors(one_hot))).max()
print(f"an LSTM on ids and on one-hot vectors: largest difference {difference:.0e}")
print(f"bytes that go in: {ids.astype('int32').nbytes:,} as ids, {np.asarray(one_hot).nbytes:,} as vectors")
assert difference < 1e-6

# %% [en]
# ## A little language
#
# Six kinds of sentences. Which words belong together is written nowhere in the data; it only shows in how they are
# used. The word *panda* occurs in one kind of sentence alone: "a panda sleeps".
# %% [zh-TW]
# ## 一種小小的語言
#
# 只有六種句型。哪些字屬於同一類，資料裡一個字也沒寫；只能從它們的用法看出來。其中 *panda* 只出現在一種句子裡：
# "a panda sleeps"。

# %%
groups = {
    "animals": ["dog", "cat", "pig", "cow", "hen"],
    "people": ["girl", "boy", "man", "woman", "child"],
    "food": ["rice", "bread", "soup", "corn", "cake"],
    "vehicles": ["car", "bus", "truck", "taxi", "van"],
}
patterns = [
    "the animals eats food .",
    "the people cooks food .",
    "the people drives the vehicles .",
    "the people feeds the animals .",
    "a animals sleeps .",
    "a vehicles stops .",
]


def write_sentence():
    words = patterns[generator.integers(len(patterns))].split()
    return [groups[word][generator.integers(5)] if word in groups else word for word in words]


sentences = [write_sentence() for _ in range(3000)] + [["a", "panda", "sleeps", "."]] * 60
generator.shuffle(sentences)
vocabulary = ["", *sorted({word for sentence in sentences for word in sentence})]  # 0 is padding
number = {word: place for place, word in enumerate(vocabulary)}
table = np.zeros((len(sentences), 7), "int32")
for row, sentence in zip(table, sentences, strict=True):
    row[: len(sentence)] = [number[word] for word in sentence]
print(len(vocabulary) - 1, "words;", " | ".join(" ".join(sentence) for sentence in sentences[:4]))

# %% [en]
# ## Two networks that guess the next word
#
# One has an embedding of 8 numbers a word; the other reads one-hot vectors (as ids, which is the same).
# %% [zh-TW]
# ## 兩個猜下一個字的網路
#
# 一個使用每個字 8 個數字的詞嵌入，另一個讀獨熱向量（以編號輸入，結果完全相同）。


# %%
def build(first_layers, **options):
    layers = [keras.Input((None,), dtype="int32"), *first_layers, GRU(32, return_sequences=True, **options)]
    model = keras.Sequential([*layers, keras.layers.Dense(len(vocabulary), activation="softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


embedding = keras.layers.Embedding(len(vocabulary), 8, embeddings_initializer="normal")
with_embedding = build([embedding])
from_one_hot = build([], input_dim=len(vocabulary))
rows = [number[word] for group in groups.values() for word in group]
before = embedding.get_weights()[0][rows]
is_word = (table[:, 1:] > 0).astype("float32")
for model in (with_embedding, from_one_hot):
    history = model.fit(table[:, :-1], table[:, 1:], sample_weight=is_word, batch_size=50, epochs=6, verbose=0)

after = embedding.get_weights()[0][rows]
kernel_rows = from_one_hot.layers[0].get_weights()[0][rows]
of_groups = np.arange(20).reshape(4, 5).tolist()
print("mean cosine similarity          in a group   between groups")
for name, vectors in {
    "one-hot vectors": np.eye(20),
    "embedding before": before,
    "embedding after": after,
    "rows of the one-hot network's kernel": kernel_rows,
}.items():
    within, between = group_similarities(vectors, of_groups)
    print(f"{name:36} {within:5.2f}   {between:9.2f}")
assert group_similarities(after, of_groups)[0] > group_similarities(after, of_groups)[1] + 0.4
assert group_similarities(kernel_rows, of_groups)[0] > group_similarities(kernel_rows, of_groups)[1] + 0.2

plot_word_vectors(groups, before, after, len(vocabulary))
plt.show()

# %% [en]
# Words that are used alike have become alike, and nobody said which these are. The last line is the surprise: the
# network on one-hot vectors has found the same, in the rows of its kernel. It has an embedding, too; only a wider one,
# in a place where nobody looks.
#
# ## What likeness is good for: a word that was hardly seen
#
# "the panda" never occurs in the data. A table of word pairs has no idea what comes next. The network has only seen
# that a panda sleeps, as animals do; so it expects of the panda what it knows of animals after "the".
# %% [zh-TW]
# 用法相近的字變得相像了，而沒有人告訴過它哪些字是同一類。最後一列才是意外：讀獨熱向量的網路，在它自己的權重矩陣的列裡，
# 也找到了一樣的東西。它其實也有詞嵌入，只是更寬，而且藏在沒人注意的地方。
#
# ## 相似有什麼用：幾乎沒看過的字
#
# 資料裡從來沒有 "the panda"。只統計前後兩個字的表格，完全不知道接下來是什麼；網路卻知道 panda 會睡覺，而會睡覺的是動
# 物。

# %%
pairs_seen = sum(row[0] == number["the"] and row[1] == number["panda"] for row in table)
prompt = np.array([[number["the"], number["panda"]]], "int32")
verbs = ["eats", "cooks", "drives", "feeds", "sleeps", "stops"]
print(f"'the panda' occurs {pairs_seen} times; what does the network expect next?")
next_words = with_embedding.predict(prompt, verbose=0)[0, -1]
for verb in verbs:
    print(f"  {verb:7} {next_words[number[verb]]:.2f}")
nearest = cosine_similarities(embedding.get_weights()[0])[number["panda"]]
order = [vocabulary[place] for place in np.argsort(-nearest) if place not in (0, number["panda"])]
print("nearest to panda:", ", ".join(order[:5]))
assert max(verbs, key=lambda verb: next_words[number[verb]]) == "eats"
assert len(set(order[:5]) & set(groups["animals"])) >= 4

# %% [en]
# ## Try it yourself
#
# 1. Remove the sentences "the animals eats food ." from `patterns`. Which groups do the animals now resemble, and why?
# 2. Use an embedding of 2 numbers a word, and draw the words in the plane. How few are enough for four groups?
# 3. One-hot vectors of 20,000 words into an `LSTM(64)`: how many parameters has the kernel? And with an embedding of 64
#    numbers before it?
# %% [zh-TW]
# ## 動手試試
#
# 1. 從 `patterns` 拿掉 "the animals eats food ."。動物會變得像哪一類？為什麼？
# 2. 把詞嵌入改成每個字 2 個數字，畫在平面上。要分開四類，最少需要幾個數字？
# 3. 20,000 個字的獨熱向量直接進 `LSTM(64)`，權重矩陣有多少參數？前面加上每字 64 個數字的詞嵌入之後呢？
