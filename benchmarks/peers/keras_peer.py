"""Keras on TensorFlow, the study's own stack, by Keras' guides.

The films are cached and prefetched (tensorflow.org, "Better performance with the tf.data API"); augmentation layers
run in `Dataset.map`, as Keras' guide to preprocessing layers has it for a CPU. Batches of 32. tf.data's tuner is off
and its threads are as many as the cores: with the tuner an epoch's end waits up to 2 seconds for it, now and then.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf
from keras import layers

from benchmarks.peers.serve import Work, serve

# float32, mixed (bfloat16) or jit (XLA), joined by a +.
SETTINGS = os.environ.get("HILUM_BENCH_KERAS", "float32").split("+")
JIT = "jit" in SETTINGS
CORES = len(os.sched_getaffinity(0))


def films_of(folder: Path, side: int, channels: str) -> tuple[tf.data.Dataset, int]:
    """The films, decoded once and kept in memory, drawn in another order in every epoch."""
    found = keras.utils.image_dataset_from_directory(
        folder, label_mode="binary", color_mode=channels, image_size=(side, side), batch_size=None, shuffle=False
    )
    count = int(found.cardinality())
    return found.cache().shuffle(count), count


def s1(folder: Path) -> Work:
    """An epoch of the study's own network, augmented, at 128 pixels."""
    films, count = films_of(folder, 128, "grayscale")
    augment = keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(20 / 360),
            layers.RandomZoom(0.25),
            layers.RandomTranslation(0.1, 0.1),
            layers.RandomContrast(0.5),
        ]
    )
    batches = films.batch(32, drop_remainder=True)
    batches = batches.map(lambda x, y: (augment(x, training=True), y), num_parallel_calls=CORES)
    model = keras.Sequential([keras.Input((128, 128, 1)), layers.Rescaling(1 / 255)])
    for width, dropout in ((32, 0.0), (64, 0.1), (64, 0.2), (128, 0.2), (256, 0.2)):
        model.add(layers.Conv2D(width, 3, padding="same", activation="relu"))
        if dropout:
            model.add(layers.Dropout(dropout))
        model.add(layers.BatchNormalization())
        model.add(layers.MaxPooling2D())
    for layer in (layers.Flatten(), layers.Dropout(0.2), layers.Dense(512, activation="relu")):
        model.add(layer)
    model.add(layers.Dense(1, activation="sigmoid", dtype="float32"))
    return epochs_of(model, batches.prefetch(CORES), count // 32 * 32)


def s2(folder: Path) -> Work:
    """An epoch of VGG-16 transfer at 256 pixels: every film goes through the frozen trunk again."""
    films, count = films_of(folder, 256, "rgb")
    trunk = keras.applications.VGG16(include_top=False, weights=None, input_shape=(256, 256, 3))
    trunk.trainable = False
    inputs = keras.Input((256, 256, 3))
    maps = trunk(keras.applications.vgg16.preprocess_input(inputs), training=False)
    values = layers.Flatten()(maps)
    for width in (512, 128):
        values = layers.Dense(width, activation="relu")(values)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid", dtype="float32")(values))
    batches = films.batch(32, drop_remainder=True).prefetch(CORES)
    return epochs_of(model, batches, count // 32 * 32)


def epochs_of(model: keras.Model, batches: tf.data.Dataset, count: int) -> Work:
    """One epoch whenever it is called."""
    model.compile(keras.optimizers.Adam(1e-4), "binary_crossentropy", jit_compile=JIT)
    untuned = tf.data.Options()
    untuned.autotune.enabled = False
    batches = batches.with_options(untuned)

    def epoch() -> int:
        model.fit(batches, epochs=1, verbose=0)
        return count

    return epoch


if __name__ == "__main__":
    if "mixed" in SETTINGS:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    serve({"s1": s1, "s2": s2})
