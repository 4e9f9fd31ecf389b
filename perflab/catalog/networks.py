"""The layers of public networks: the sizes that `draw` takes shapes from. Batch sizes are not in the table.

Images are square: C channels of H·H pixels. Kernel, stride and pad are an int or a pair. A window of pooling
has no padding here, so a layer that pads is taken without it. Where a network has another activation, gates
or another loss, its sizes are taken all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Pair = int | tuple[int, int]
LENET = "LeCun et al. 1998, doi:10.1109/5.726791"
ALEXNET = "Krizhevsky et al. 2012, doi:10.1145/3065386"
ONE_TOWER = "arXiv:1404.5997"
VGG = "arXiv:1409.1556"
GOOGLENET = "arXiv:1409.4842"
INCEPTION_V3 = "arXiv:1512.00567, as in github.com/pytorch/vision"
RESNET = "arXiv:1512.03385"
DENSENET = "arXiv:1608.06993"
SQUEEZENET = "arXiv:1602.07360"
UNET = "arXiv:1505.04597"
MOBILENET_V2 = "arXiv:1801.04381"
WIDE_RESNET = "arXiv:1605.07146"
SENET = "arXiv:1709.01507"
TRANSFORMER = "arXiv:1706.03762"
BERT = "arXiv:1810.04805"
VIT = "github.com/google-research/vision_transformer"
MIXER = "arXiv:2105.01601"
GPT2 = "github.com/openai/gpt-2"
CS231N = "cs231n.github.io, the assignments"
WORD_MODEL = "github.com/pytorch/examples, word_language_model"
ZAREMBA = "arXiv:1409.2329"
CHAR_RNN = "github.com/karpathy/char-rnn"
MIN_CHAR_RNN = "gist.github.com/karpathy/d4dee566867f8291f086"
DEEP_BENCH = "github.com/baidu-research/DeepBench"
IRNN = "arXiv:1504.00941"
NIELSEN = "neuralnetworksanddeeplearning.com"
NETTALK = "Sejnowski and Rosenberg 1987, Complex Systems 1"


@dataclass(frozen=True)
class Layer:
    """A layer of a network, without its batch size, and where its sizes are from."""

    operation: str
    network: str
    layer: str
    sizes: Mapping[str, int]
    parameters: Mapping[str, Any]
    source: str

    @property
    def name(self) -> str:
        """Network and layer."""
        return f"{self.network} {self.layer}"


# What no operation here computes: convolutions in groups, of which depthwise ones are those of one channel.
LEFT_OUT = (
    "AlexNet's conv2, conv4 and conv5 (two groups)",
    "ResNeXt's 3×3 layers (32 groups)",
    "MobileNetV2's 3×3 layers in its blocks (depthwise)",
)

CONVOLUTIONS: tuple[tuple[str, str, tuple[tuple[str, int, int, int, Pair, Pair, Pair], ...]], ...] = (
    # network, source, rows of (layer, C, H, F, kernel, stride, pad)
    ("LeNet-5", LENET, (
        ("C1", 1, 32, 6, 5, 1, 0),
        ("C5", 16, 5, 120, 5, 1, 0),
    )),
    ("cs231n", CS231N, (
        ("fast layers", 3, 31, 25, 3, 2, 1),
        ("ThreeLayerConvNet", 3, 32, 32, 7, 1, 3),
    )),
    ("AlexNet", ALEXNET, (
        ("conv1", 3, 227, 96, 11, 4, 0),
        ("conv3", 256, 13, 384, 3, 1, 1),
    )),
    ("AlexNet in one tower", ONE_TOWER, (
        ("conv1", 3, 224, 64, 11, 4, 2),
        ("conv2", 64, 27, 192, 5, 1, 2),
        ("conv3", 192, 13, 384, 3, 1, 1),
        ("conv4", 384, 13, 256, 3, 1, 1),
        ("conv5", 256, 13, 256, 3, 1, 1),
    )),
    ("VGG-16", VGG, (
        ("conv1_1", 3, 224, 64, 3, 1, 1),
        ("conv1_2", 64, 224, 64, 3, 1, 1),
        ("conv2_1", 64, 112, 128, 3, 1, 1),
        ("conv2_2", 128, 112, 128, 3, 1, 1),
        ("conv3_1", 128, 56, 256, 3, 1, 1),
        ("conv3_2", 256, 56, 256, 3, 1, 1),
        ("conv4_1", 256, 28, 512, 3, 1, 1),
        ("conv4_2", 512, 28, 512, 3, 1, 1),
        ("conv5_1", 512, 14, 512, 3, 1, 1),
    )),
    ("GoogLeNet", GOOGLENET, (
        ("conv1", 3, 224, 64, 7, 2, 3),
        ("conv2 reduce", 64, 56, 64, 1, 1, 0),
        ("conv2", 64, 56, 192, 3, 1, 1),
        ("3a 3×3 reduce", 192, 28, 96, 1, 1, 0),
        ("3a 3×3", 96, 28, 128, 3, 1, 1),
        ("3a 5×5 reduce", 192, 28, 16, 1, 1, 0),
        ("3a 5×5", 16, 28, 32, 5, 1, 2),
        ("3b 3×3", 128, 28, 192, 3, 1, 1),
        ("3b 5×5", 32, 28, 96, 5, 1, 2),
        ("4a 1×1", 480, 14, 192, 1, 1, 0),
        ("4a 3×3", 96, 14, 208, 3, 1, 1),
        ("4b 5×5", 24, 14, 64, 5, 1, 2),
        ("4d 3×3", 144, 14, 288, 3, 1, 1),
        ("4e 3×3", 160, 14, 320, 3, 1, 1),
        ("5b 1×1", 832, 7, 384, 1, 1, 0),
        ("5b 3×3", 192, 7, 384, 3, 1, 1),
        ("5b 5×5", 48, 7, 128, 5, 1, 2),
    )),
    ("Inception-v3", INCEPTION_V3, (
        ("first 3×3", 3, 299, 32, 3, 2, 0),
        ("second 3×3", 32, 149, 32, 3, 1, 0),
        ("third 3×3", 32, 147, 64, 3, 1, 1),
        ("fourth 3×3", 80, 73, 192, 3, 1, 0),
        ("35×35, 5×5", 48, 35, 64, 5, 1, 2),
        ("35×35, double 3×3", 64, 35, 96, 3, 1, 1),
        ("35×35 to 17×17", 288, 35, 384, 3, 2, 0),
        ("17×17, 1×7", 128, 17, 128, (1, 7), 1, (0, 3)),
        ("17×17, 7×1", 160, 17, 160, (7, 1), 1, (3, 0)),
        ("17×17 to 8×8", 192, 17, 320, 3, 2, 0),
        ("8×8, 1×3", 384, 8, 384, (1, 3), 1, (0, 1)),
    )),
    ("ResNet-18", RESNET, (
        ("conv3_1", 64, 56, 128, 3, 2, 1),
        ("conv4_1", 128, 28, 256, 3, 2, 1),
        ("conv5_1", 256, 14, 512, 3, 2, 1),
    )),
    ("ResNet-50", RESNET, (
        ("conv1", 3, 224, 64, 7, 2, 3),
        ("conv2_x 1×1 in", 256, 56, 64, 1, 1, 0),
        ("conv2_x 3×3", 64, 56, 64, 3, 1, 1),
        ("conv2_x 1×1 out", 64, 56, 256, 1, 1, 0),
        ("conv3_1 projection", 256, 56, 512, 1, 2, 0),
        ("conv3_x 1×1 in", 512, 28, 128, 1, 1, 0),
        ("conv3_x 3×3", 128, 28, 128, 3, 1, 1),
        ("conv3_x 1×1 out", 128, 28, 512, 1, 1, 0),
        ("conv4_1 projection", 512, 28, 1024, 1, 2, 0),
        ("conv4_x 1×1 in", 1024, 14, 256, 1, 1, 0),
        ("conv4_x 3×3", 256, 14, 256, 3, 1, 1),
        ("conv4_x 1×1 out", 256, 14, 1024, 1, 1, 0),
        ("conv5_1 projection", 1024, 14, 2048, 1, 2, 0),
        ("conv5_x 1×1 in", 2048, 7, 512, 1, 1, 0),
        ("conv5_x 3×3", 512, 7, 512, 3, 1, 1),
        ("conv5_x 1×1 out", 512, 7, 2048, 1, 1, 0),
    )),
    ("ResNet-20 of CIFAR-10", RESNET, (
        ("first", 3, 32, 16, 3, 1, 1),
        ("32×32", 16, 32, 16, 3, 1, 1),
        ("32×32 to 16×16", 16, 32, 32, 3, 2, 1),
        ("16×16", 32, 16, 32, 3, 1, 1),
        ("16×16 to 8×8", 32, 16, 64, 3, 2, 1),
        ("8×8", 64, 8, 64, 3, 1, 1),
    )),
    ("DenseNet-121", DENSENET, (
        ("block 1, first 1×1", 64, 56, 128, 1, 1, 0),
        ("block 1, 3×3", 128, 56, 32, 3, 1, 1),
        ("transition 1", 256, 56, 128, 1, 1, 0),
        ("block 2, 3×3", 128, 28, 32, 3, 1, 1),
        ("transition 2", 512, 28, 256, 1, 1, 0),
        ("block 3, last 1×1", 992, 14, 128, 1, 1, 0),
        ("block 3, 3×3", 128, 14, 32, 3, 1, 1),
        ("transition 3", 1024, 14, 512, 1, 1, 0),
        ("block 4, first 1×1", 512, 7, 128, 1, 1, 0),
        ("block 4, 3×3", 128, 7, 32, 3, 1, 1),
    )),
    ("SqueezeNet", SQUEEZENET, (
        ("conv1", 3, 227, 96, 7, 2, 0),
        ("fire2 squeeze", 96, 55, 16, 1, 1, 0),
        ("fire2 expand 1×1", 16, 55, 64, 1, 1, 0),
        ("fire2 expand 3×3", 16, 55, 64, 3, 1, 1),
        ("fire4 expand 3×3", 32, 55, 128, 3, 1, 1),
        ("fire6 squeeze", 256, 27, 48, 1, 1, 0),
        ("fire6 expand 3×3", 48, 27, 192, 3, 1, 1),
        ("fire9 expand 3×3", 64, 13, 256, 3, 1, 1),
        ("conv10", 512, 13, 1000, 1, 1, 0),
    )),
    ("U-Net", UNET, (
        ("first", 1, 572, 64, 3, 1, 0),
        ("second", 64, 570, 64, 3, 1, 0),
        ("level 2, second", 128, 282, 128, 3, 1, 0),
        ("level 3, second", 256, 138, 256, 3, 1, 0),
        ("level 4, second", 512, 66, 512, 3, 1, 0),
        ("level 5, second", 1024, 30, 1024, 3, 1, 0),
        ("up to level 1", 128, 392, 64, 3, 1, 0),
        ("last", 64, 388, 2, 1, 1, 0),
    )),
    ("MobileNetV2", MOBILENET_V2, (
        ("first", 3, 224, 32, 3, 2, 1),
        ("112×112, project", 32, 112, 16, 1, 1, 0),
        ("112×112, expand", 16, 112, 96, 1, 1, 0),
        ("56×56, project", 144, 56, 24, 1, 1, 0),
        ("56×56, expand", 24, 56, 144, 1, 1, 0),
        ("28×28, project", 192, 28, 32, 1, 1, 0),
        ("28×28, expand", 32, 28, 192, 1, 1, 0),
        ("14×14, project", 384, 14, 64, 1, 1, 0),
        ("14×14, expand", 96, 14, 576, 1, 1, 0),
        ("7×7, project", 960, 7, 160, 1, 1, 0),
        ("7×7, expand", 160, 7, 960, 1, 1, 0),
        ("last 1×1", 320, 7, 1280, 1, 1, 0),
    )),
)  # fmt: skip

# network, layer, source, C, H, window, stride
POOLS = (
    ("cs231n", "ThreeLayerConvNet", CS231N, 32, 32, 2, 2),
    ("AlexNet", "pool1", ALEXNET, 96, 55, 3, 2),
    ("AlexNet", "pool2", ALEXNET, 256, 27, 3, 2),
    ("AlexNet", "pool5", ALEXNET, 256, 13, 3, 2),
    ("VGG-16", "pool1", VGG, 64, 224, 2, 2),
    ("VGG-16", "pool2", VGG, 128, 112, 2, 2),
    ("VGG-16", "pool3", VGG, 256, 56, 2, 2),
    ("VGG-16", "pool4", VGG, 512, 28, 2, 2),
    ("VGG-16", "pool5", VGG, 512, 14, 2, 2),
    ("GoogLeNet", "3a pool", GOOGLENET, 192, 28, 3, 1),
    ("GoogLeNet", "4a pool", GOOGLENET, 480, 14, 3, 1),
    ("Inception-v3", "pool1", INCEPTION_V3, 64, 147, 3, 2),
    ("Inception-v3", "pool2", INCEPTION_V3, 192, 71, 3, 2),
    ("Inception-v3", "35×35 to 17×17", INCEPTION_V3, 288, 35, 3, 2),
    ("Inception-v3", "17×17 to 8×8", INCEPTION_V3, 768, 17, 3, 2),
    ("ResNet-50", "pool1", RESNET, 64, 112, 3, 2),
    ("SqueezeNet", "maxpool1", SQUEEZENET, 96, 111, 3, 2),
    ("SqueezeNet", "maxpool4", SQUEEZENET, 256, 55, 3, 2),
    ("SqueezeNet", "maxpool8", SQUEEZENET, 512, 27, 3, 2),
    ("U-Net", "level 1 to 2", UNET, 64, 568, 2, 2),
    ("U-Net", "level 2 to 3", UNET, 128, 280, 2, 2),
    ("U-Net", "level 3 to 4", UNET, 256, 136, 2, 2),
    ("U-Net", "level 4 to 5", UNET, 512, 64, 2, 2),
)
# network, layer, source, D, C: the last layer and its loss
LOSSES = (
    ("cs231n", "linear classifier", CS231N, 3072, 10),
    ("LeNet-5", "last", LENET, 84, 10),
    ("ResNet-20 of CIFAR-10", "last", RESNET, 64, 10),
    ("Wide ResNet-28-10", "last of CIFAR-100", WIDE_RESNET, 640, 100),
    ("AlexNet", "fc8", ALEXNET, 4096, 1000),
    ("GoogLeNet", "last", GOOGLENET, 1024, 1000),
    ("ResNet-18", "last", RESNET, 512, 1000),
    ("ResNet-50", "last", RESNET, 2048, 1000),
    ("MobileNetV2", "last", MOBILENET_V2, 1280, 1000),
    ("ViT-B", "head of ImageNet-21k", VIT, 768, 21843),
    ("min-char-rnn", "65 characters", MIN_CHAR_RNN, 100, 65),
    ("word language model", "Penn Treebank", WORD_MODEL, 200, 10000),
    ("Zaremba's medium LSTM", "Penn Treebank", ZAREMBA, 650, 10000),
    ("Zaremba's large LSTM", "Penn Treebank", ZAREMBA, 1500, 10000),
    ("word language model", "WikiText-2", WORD_MODEL, 200, 33278),
    ("GPT-2 small", "head", GPT2, 768, 50257),
)
# network, layer, source, D, M
CONNECTIONS = (
    ("LeNet-5", "F6", LENET, 120, 84),
    ("cs231n", "TwoLayerNet, hidden", CS231N, 3072, 100),
    ("cs231n", "TwoLayerNet, last", CS231N, 100, 10),
    ("AlexNet", "fc6", ALEXNET, 9216, 4096),
    ("AlexNet", "fc7", ALEXNET, 4096, 4096),
    ("AlexNet", "fc8", ALEXNET, 4096, 1000),
    ("GoogLeNet", "last", GOOGLENET, 1024, 1000),
    ("ResNet-18", "last", RESNET, 512, 1000),
    ("ResNet-50", "last", RESNET, 2048, 1000),
    ("MobileNetV2", "last", MOBILENET_V2, 1280, 1000),
    ("Transformer base", "projection of the heads", TRANSFORMER, 512, 512),
    ("Transformer base", "feed-forward, first", TRANSFORMER, 512, 2048),
    ("Transformer base", "feed-forward, second", TRANSFORMER, 2048, 512),
    ("BERT base", "query", BERT, 768, 768),
    ("BERT base", "feed-forward, first", BERT, 768, 3072),
    ("GPT-2 small", "query, key and value", GPT2, 768, 2304),
)
# network, layer, source, n, h, k
PERCEPTRONS = (
    ("Nielsen's digits", "30 hidden", NIELSEN, 784, 30, 10),
    ("Nielsen's digits", "100 hidden", NIELSEN, 784, 100, 10),
    ("LeCun's two layers", "300 hidden", LENET, 784, 300, 10),
    ("LeCun's two layers", "1000 hidden", LENET, 784, 1000, 10),
    ("NETtalk", "80 hidden", NETTALK, 203, 80, 26),
    ("cs231n", "TwoLayerNet", CS231N, 3072, 100, 10),
    ("SE-ResNet-50", "excitation of stage 2", SENET, 256, 16, 256),
    ("SE-ResNet-50", "excitation of stage 4", SENET, 1024, 64, 1024),
    ("SE-ResNet-50", "excitation of stage 5", SENET, 2048, 128, 2048),
    ("MLP-Mixer-B/16", "mixing of tokens", MIXER, 196, 384, 196),
    ("MLP-Mixer-B/16", "mixing of channels", MIXER, 768, 3072, 768),
    ("Transformer base", "feed-forward", TRANSFORMER, 512, 2048, 512),
    ("BERT base", "feed-forward", BERT, 768, 3072, 768),
)
# network, layer, source, T, D, H
RECURRENCES = (
    ("min-char-rnn", "65 characters", MIN_CHAR_RNN, 25, 65, 100),
    ("char-rnn", "layer 2", CHAR_RNN, 50, 128, 128),
    ("cs231n", "captions", CS231N, 16, 256, 512),
    ("word language model", "200 units", WORD_MODEL, 35, 200, 200),
    ("word language model", "650 units", WORD_MODEL, 35, 650, 650),
    ("Zaremba's small LSTM", "a gate", ZAREMBA, 20, 200, 200),
    ("Zaremba's large LSTM", "a gate", ZAREMBA, 35, 1500, 1500),
    ("IRNN of MNIST", "pixel by pixel", IRNN, 784, 1, 100),
    ("DeepBench", "training, 1760 units", DEEP_BENCH, 50, 1760, 1760),
    ("DeepBench", "device, 32 units", DEEP_BENCH, 672, 32, 32),
    ("DeepBench", "device, 64 units", DEEP_BENCH, 96, 64, 64),
)


def layers() -> Iterator[Layer]:
    """Every row of the table."""
    for network, source, rows in CONVOLUTIONS:
        for layer, C, H, F, kernel, stride, pad in rows:
            HH, WW = kernel if isinstance(kernel, tuple) else (kernel, kernel)
            sizes = {"C": C, "H": H, "W": H, "F": F, "HH": HH, "WW": WW}
            yield Layer("conv2d", network, layer, sizes, {"stride": stride, "pad": pad}, source)
    for network, layer, source, C, H, window, stride in POOLS:
        sizes, parameters = {"C": C, "H": H, "W": H}, {"size": window, "stride": stride}
        yield Layer("max_pool2d", network, layer, sizes, parameters, source)
    for operation, axes, table in (
        ("softmax_loss", "DC", LOSSES), ("fully_connected", "DM", CONNECTIONS),
        ("mlp", "nhk", PERCEPTRONS), ("rnn", "TDH", RECURRENCES),
    ):  # fmt: skip
        for network, layer, source, *numbers in table:
            yield Layer(operation, network, layer, dict(zip(axes, numbers, strict=True)), {}, source)
