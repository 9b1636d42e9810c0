"""Losses: hand-worked numbers, weights that mean what they say, inputs that are refused."""

import math

import numpy as np
import pytest

from seisnet.errors import ConfigError, DataError
from seisnet.nn import binary_cross_entropy, huber, mean_squared_error, sigmoid, softmax, softmax_cross_entropy


def test_softmax():
    p = softmax(np.array([[0.0, math.log(3)], [1e4, -1e4]]))
    np.testing.assert_allclose(p, [[0.25, 0.75], [1, 0]])
    assert softmax(np.zeros((2, 3), np.float32)).dtype == np.float32


@pytest.mark.parametrize(("logits", "got"), [([[0.0, 1.0]], "list"), (np.array([[0, 1]]), "int64")])
def test_softmax_of_what_is_no_array_of_floats(logits, got):
    with pytest.raises(DataError, match=f"^logits: got .*{got}"):
        softmax(logits)


@pytest.mark.parametrize("z", [0.0, [0.0, 1.0]])
def test_sigmoid_of_what_is_no_array(z):
    with pytest.raises(DataError, match=rf"got a {type(z).__name__}, .*an array is needed"):
        sigmoid(z)


def test_cross_entropy_by_hand():
    logits = np.log([[0.25, 0.75], [0.5, 0.5]])
    loss, dlogits = softmax_cross_entropy(logits, np.array([1, 0], np.uint8))
    assert loss == pytest.approx(-(math.log(0.75) + math.log(0.5)) / 2)
    np.testing.assert_allclose(dlogits, [[0.125, -0.125], [-0.25, 0.25]], atol=1e-15)


def test_cross_entropy_of_extreme_logits():
    loss, dlogits = softmax_cross_entropy(np.array([[1e4, -1e4], [1e4, -1e4]]), np.array([0, 1]))
    assert loss == pytest.approx(1e4)
    np.testing.assert_allclose(dlogits, [[0, 0], [0.5, -0.5]])


def test_label_smoothing_by_hand():
    """With two classes and smoothing 0.2 the target is 0.9 and 0.1."""
    loss, _ = softmax_cross_entropy(np.log([[0.25, 0.75]]), np.array([1]), label_smoothing=0.2)
    assert loss == pytest.approx(-0.9 * math.log(0.75) - 0.1 * math.log(0.25))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_certain_probabilities_are_classes(label_smoothing):
    logits, y = np.random.default_rng(0).normal(size=(4, 3)), np.array([0, 1, 2, 1])
    options = {"class_weight": np.array([1.0, 3.0, 0.5]), "label_smoothing": label_smoothing}
    value, gradient = softmax_cross_entropy(logits, y, **options)
    soft_value, soft_gradient = softmax_cross_entropy(logits, np.eye(3)[y], **options)
    assert soft_value == pytest.approx(value)
    np.testing.assert_allclose(soft_gradient, gradient, atol=1e-15)


def test_cross_entropy_of_probabilities_by_hand():
    logits = np.log([[0.25, 0.75]])
    loss, dlogits = softmax_cross_entropy(logits, np.array([[0.4, 0.6]]))
    assert loss == pytest.approx(-0.4 * math.log(0.25) - 0.6 * math.log(0.75))
    np.testing.assert_allclose(dlogits, [[-0.15, 0.15]])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([[0.5, 0.5]]), "need floats"),
        (np.array([[1, 0, 0]]), "need floats"),
        (np.array([[0.5, 0.4, 0.2]]), "add up to 1"),
        (np.array([[1.5, -0.5, 0.0]]), "negative"),
        (np.array([[np.nan, 0.5, 0.5]]), "add up to 1"),
    ],
)
def test_what_is_no_probability_is_refused(y, message):
    with pytest.raises(DataError, match=message):
        softmax_cross_entropy(np.zeros((1, 3)), y)


@pytest.mark.parametrize(
    ("loss", "target"),
    [
        (softmax_cross_entropy, np.array([0, 1, 2, 1])),
        (mean_squared_error, np.arange(12.0).reshape(4, 3)),
        (huber, np.arange(12.0).reshape(4, 3)),
        (binary_cross_entropy, np.arange(12).reshape(4, 3) % 2.0),
    ],
)
def test_a_weight_of_two_is_two_windows(loss, target):
    prediction = np.random.default_rng(0).normal(size=(4, 3))
    twice = [0, 1, 1, 2, 3]
    value, gradient = loss(prediction, target, np.array([1.0, 2.0, 1.0, 1.0]))
    repeated, repeated_gradient = loss(prediction[twice], target[twice])
    assert value == pytest.approx(repeated)
    np.testing.assert_allclose(gradient[1], repeated_gradient[1] + repeated_gradient[2])
    np.testing.assert_allclose(gradient[[0, 2, 3]], repeated_gradient[[0, 3, 4]])


def test_class_weights_multiply_sample_weights():
    logits, y = np.random.default_rng(0).normal(size=(4, 3)), np.array([0, 1, 2, 1])
    by_class = softmax_cross_entropy(logits, y, np.full(4, 2.0), class_weight=np.array([1.0, 3.0, 0.5]))
    by_sample = softmax_cross_entropy(logits, y, np.array([1.0, 3.0, 0.5, 3.0]))
    assert by_class[0] == pytest.approx(by_sample[0])
    np.testing.assert_allclose(by_class[1], by_sample[1])


def test_regression_by_hand():
    prediction, target = np.array([[1.0], [4.0]]), np.array([[0.5], [1.0]])
    loss, gradient = mean_squared_error(prediction, target)
    assert loss == pytest.approx((0.25 + 9) / 2)
    np.testing.assert_allclose(gradient, [[0.5], [3.0]])
    loss, gradient = huber(prediction, target, delta=2.0)
    assert loss == pytest.approx((0.125 + 2 * (3 - 1)) / 2)
    np.testing.assert_allclose(gradient, [[0.25], [1.0]])


@pytest.mark.parametrize("loss", [softmax_cross_entropy, mean_squared_error, huber, binary_cross_entropy])
def test_masks_are_not_read_as_values(loss):
    probabilities = np.array([[0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(DataError, match=r"^(y|target): got a masked array"):
        loss(np.zeros((2, 2)), np.ma.masked_equal(probabilities, 0))
    with pytest.raises(DataError, match=r"^weight: got a masked array"):
        loss(np.zeros((2, 2)), probabilities, np.ma.masked_equal([1.0, 9.0], 9))


@pytest.mark.parametrize("loss", [mean_squared_error, huber])
def test_targets_that_do_not_exist(loss):
    prediction, target = np.array([[1.0], [4.0]], np.float32), np.array([[0.5], [np.nan]], np.float32)
    value, gradient = loss(prediction, target, np.array([1, 0]))
    assert value == pytest.approx(loss(prediction[:1], target[:1])[0])
    assert gradient[1, 0] == 0 and gradient.dtype == np.float32


def test_binary_cross_entropy_by_hand():
    logits = np.log([[3.0, 1.0]])
    loss, gradient = binary_cross_entropy(logits, np.array([[1, 0]]))
    assert loss == pytest.approx(-(math.log(0.75) + math.log(0.5)) / 2)
    np.testing.assert_allclose(gradient, [[-0.125, 0.25]])
    loss, gradient = binary_cross_entropy(np.array([[800.0, -800.0]]), np.array([[0.0, 0.0]]))
    assert loss == pytest.approx(400)
    np.testing.assert_allclose(gradient, [[0.5, 0]])
    np.testing.assert_allclose(sigmoid(np.array([0.0, math.log(3)])), [0.5, 0.75])


@pytest.mark.parametrize("n", [1, 4])
def test_inputs_are_left_alone(n):
    logits, y, weight = np.random.default_rng(0).normal(size=(n, 3)), np.arange(n) % 3, np.ones(n)
    before = logits.copy()
    softmax_cross_entropy(logits, y, weight)
    binary_cross_entropy(logits, np.ones((n, 3)), weight)
    mean_squared_error(logits, np.ones((n, 3)), weight)
    huber(logits, np.ones((n, 3)), weight)
    softmax(logits)
    assert (logits == before).all() and (weight == 1).all()


def test_float32_stays_float32():
    logits = np.zeros((2, 3), np.float32)
    assert softmax_cross_entropy(logits, np.array([0, 1]), np.ones(2))[1].dtype == np.float32
    assert mean_squared_error(logits, np.ones((2, 3)))[1].dtype == np.float32
    assert huber(logits, np.ones((2, 3)))[1].dtype == np.float32
    assert binary_cross_entropy(logits, np.ones((2, 3)))[1].dtype == np.float32


@pytest.mark.parametrize(
    ("y", "weight", "message"),
    [
        (np.array([0, 3]), None, "from 0 to 3"),
        (np.array([-1, 0]), None, "from -1 to 0"),
        (np.array([0.0, 1.0]), None, "integers"),
        (np.array([0]), None, "integers"),
        (np.array([0, 1]), np.zeros(2), "sum to 0"),
        (np.array([0, 1]), np.array([2.0, -1.0]), "negative"),
        (np.array([0, 1]), np.ones(3), "shape"),
        (np.array([0, 1]), np.array([np.nan, 1.0]), "positive"),
        (np.array([0, 1]), np.array([np.inf, 1.0]), "sum to inf"),
    ],
)
def test_refused(y, weight, message):
    with pytest.raises(DataError, match=message):
        softmax_cross_entropy(np.zeros((2, 3)), y, weight)


@pytest.mark.parametrize("target", [-1.0, 2.0, np.nan])
def test_labels_that_neither_apply_nor_do_not_are_refused(target):
    with pytest.raises(DataError, match="from 0 to 1"):
        binary_cross_entropy(np.zeros((2, 2)), np.array([[0.0, 1.0], [target, 0.5]]))


@pytest.mark.parametrize("value", [-0.1, 1.0, np.nan])
def test_smoothing_beyond_its_range_is_refused(value):
    with pytest.raises(ConfigError, match="label_smoothing: got"):
        softmax_cross_entropy(np.zeros((2, 2)), np.array([0, 1]), label_smoothing=value)


@pytest.mark.parametrize("value", [-1.0, 0.0, np.nan])
def test_a_delta_that_is_not_positive_is_refused(value):
    with pytest.raises(ConfigError, match="delta: got"):
        huber(np.zeros((2, 2)), np.ones((2, 2)), delta=value)


@pytest.mark.parametrize("loss", [softmax_cross_entropy, mean_squared_error, huber, binary_cross_entropy])
def test_outputs_that_are_no_matrix_are_refused(loss):
    for wrong in (np.zeros(2), [[0.0, 0.0]], np.zeros((0, 2))):
        with pytest.raises(DataError, match=r"\(N, K\)"):
            loss(wrong, np.zeros(2))


@pytest.mark.parametrize("loss", [softmax_cross_entropy, mean_squared_error, huber, binary_cross_entropy])
def test_outputs_that_are_whole_numbers_are_refused(loss):
    with pytest.raises(DataError, match="int64; floats are needed"):
        loss(np.array([[1, 2], [2, 1]], np.int64), np.array([0, 1]))


@pytest.mark.parametrize("n", [2, 5])
def test_class_weights_of_another_number_of_classes_are_refused(n):
    with pytest.raises(DataError, match=r"class weights have the shape .*\(3,\)"):
        softmax_cross_entropy(np.zeros((2, 3)), np.array([0, 1]), class_weight=np.ones(n))


@pytest.mark.parametrize("loss", [mean_squared_error, huber, binary_cross_entropy])
def test_shapes_that_would_broadcast_are_refused(loss):
    with pytest.raises(DataError, match="same"):
        loss(np.zeros((4, 1)), np.zeros(4))
