"""The loss of JPEG, against libjpeg's own codec (through OpenCV)."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from hilum.batches.jpeg import recompress
from hilum.pixels import chest_phantom


@pytest.mark.parametrize("quality", [5, 20, 50, 75, 95])
@pytest.mark.parametrize("size", [(64, 64), (61, 83)])
def test_loses_what_libjpeg_loses(quality: int, size: tuple[int, int]) -> None:
    grey = (chest_phantom(1, size) * 255).round().astype(np.uint8)
    _, content = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    reference = np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), dtype=float)
    films = torch.from_numpy(grey)[None, None].float() / 255
    ours = recompress(films, torch.tensor([float(quality)]))[0, 0].numpy() * 255
    # libjpeg transforms in integers: a coefficient may fall to the other side of a half, by half a grey level here.
    assert np.abs(ours - reference).mean() < 0.5
    assert np.abs(ours - grey).mean() == pytest.approx(np.abs(reference - grey).mean(), abs=0.25)


def test_each_film_gets_its_own_quality() -> None:
    films = torch.from_numpy(chest_phantom(2, (64, 64)))[None, None].repeat(2, 1, 1, 1)
    together = recompress(films, torch.tensor([10.0, 90.0]))
    for number, quality in enumerate((10.0, 90.0)):
        alone = recompress(films[:1], torch.tensor([quality]))
        torch.testing.assert_close(together[number : number + 1], alone)
    rough, fine = (together - films).abs().mean(dim=(1, 2, 3))
    assert rough > fine
