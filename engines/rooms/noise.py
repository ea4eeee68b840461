"""What sensors make of a clean picture: D4xx-like stereo depth noise, and RGB sensor noise.

The constants are plausible for a RealSense D4xx, not calibrated against one. Fresh noise comes from
random crops of fields drawn once, which costs a tenth of drawing every pixel anew.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
Mask = NDArray[np.bool_]
Rng = np.random.Generator

_NATIVE_WIDTH = 848  # the stereo matcher's own picture, pixels
_BASELINES_M = (0.05, 0.055, 0.095)  # D435, D415, D455
_STEPS_PX = (1 / 32, 1 / 16, 1 / 8)  # sub-pixel resolution of disparity
_NOTHING_M = 20.0
_EXPOSURE_TARGET = 110.0


class _Field:
    """Unit-variance noise with a correlation length, cut out of one larger field."""

    def __init__(self, rng: Rng, shape: tuple[int, ...], blur_px: float) -> None:
        height, width = shape[:2]
        self._rng, self._shape = rng, (height, width)
        whole = (height * 5 // 4, width * 5 // 4, *shape[2:])
        self._whole = _smooth(rng, whole, blur_px)

    def draw(self) -> F32:
        """A new (H, W[, C]) cut, perhaps mirrored and negated."""
        (height, width), (rows, columns) = self._shape, self._whole.shape[:2]
        top, left = self._rng.integers(rows - height), self._rng.integers(columns - width)
        flips = self._rng.integers(2, size=3)
        cut = self._whole[top : top + height, left : left + width]
        cut = cut[:: 1 - 2 * flips[0], :: 1 - 2 * flips[1]]
        return np.ascontiguousarray(-cut if flips[2] else cut)


def _smooth(rng: Rng, shape: tuple[int, ...], blur_px: float) -> F32:
    import cv2

    k = max(1, int(blur_px))
    coarse = (shape[0] // k + 2, shape[1] // k + 2, *shape[2:])
    noise = rng.standard_normal(coarse, dtype=np.float32)
    if k > 1:
        size = (shape[1], shape[0])
        noise = np.asarray(cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC), np.float32)
    elif blur_px > 0:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), blur_px), np.float32)
    scaled: F32 = noise[: shape[0], : shape[1]] / np.float32(noise.std() + 1e-6)
    return scaled


class DepthNoise:
    """One depth camera watching one scene.

    ``width`` is that of the pictures it will get; give it 160 and every second pixel of a 320x240
    depth for a quarter of the work.
    """

    def __init__(self, rng: Rng, hfov_deg: float, width: int = 320, height: int = 240) -> None:
        self._rng = rng
        focal = 1.0 / (2 * np.tan(np.radians(hfov_deg) / 2))
        self._focal_px = np.float32(width * focal)
        baseline = float(rng.choice(_BASELINES_M))
        self._native = np.float32(_NATIVE_WIDTH * focal * baseline)  # disparity px times metres
        self._shadow = self._focal_px * np.float32(baseline)
        self._step = np.float32(rng.choice(_STEPS_PX))
        self._noise_px = float(rng.uniform(0.05, 0.22))
        self._range = (float(rng.uniform(0.3, 0.5)), float(rng.uniform(5.5, 10.0)))
        self._edge_loss = float(rng.uniform(-1.2, 0.3))  # lower: cleaner silhouettes
        self._hole_rate = float(rng.uniform(0.0, 0.5))
        self._fills = bool(rng.random() < 0.35)
        shape, scale = (height, width), width / 320
        bias = rng.normal() * 0.03
        self._fixed = _smooth(rng, shape, 6 * scale) * np.float32(rng.uniform(0.02, 0.12)) + bias
        self._fixed_holes = _smooth(rng, shape, rng.uniform(4, 12) * scale) * np.float32(0.75)
        self._white = _Field(rng, shape, 0)
        self._fine = _Field(rng, shape, 2 * scale)
        self._blotchy = _Field(rng, shape, 4 * scale)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        self._x, self._y = np.ascontiguousarray(x), np.ascontiguousarray(y)
        self._scale = scale
        side = 3 if scale > 0.75 else 2
        self._window = np.ones((side, side), np.uint8)

    def __call__(self, depth_m: F32, rgb: U8) -> U16:
        """Clean (H, W) metres and the (H, W, 3) picture beside it -> (H, W) mm, 0: no return."""
        import cv2

        z = np.where(depth_m > 0, depth_m, np.float32(_NOTHING_M))
        slope, edge = self._surface(z)
        lost = self._in_shadow(z)
        lost |= edge & (self._fine.draw() < self._edge_loss)
        lost |= self._holes(z, slope, edge, rgb)
        lost |= (z < self._range[0]) | (z > self._range[1])
        metres = self._matched(z)
        if self._fills:  # the camera's own hole filling
            metres[lost] = 0
            filled = cv2.medianBlur(metres, 5)
            metres = np.where(lost, filled, metres)
            lost &= filled <= 0
        metres[lost] = 0
        millimetres: U16 = np.clip(metres * 1000 + 0.5, 0, 65535).astype(np.uint16)
        return millimetres

    def _matched(self, z: F32) -> F32:
        """Distances as the matcher finds them: ragged edges, noisy quantised disparity."""
        import cv2

        jitter = np.float32(0.8 * self._scale)
        x = self._x + jitter * self._fine.draw()
        y = self._y + jitter * self._fine.draw()
        ragged = cv2.remap(z, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        noise = self._white.draw() * np.float32(0.5 * self._noise_px)
        noise += self._fine.draw() * np.float32(self._noise_px) + self._fixed
        disparity = np.round((self._native / ragged + noise) / self._step) * self._step
        metres: F32 = (self._native / np.maximum(disparity, np.float32(0.05))).astype(np.float32)
        return metres

    def _surface(self, z: F32) -> tuple[F32, Mask]:
        """Slope against the line of sight (tangent), and where one thing ends before another."""
        import cv2

        dx = cv2.Sobel(z, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
        dy = cv2.Sobel(z, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
        slope = np.asarray(cv2.magnitude(dx, dy), np.float32) * self._focal_px / z
        jump = cv2.dilate(z, self._window) - cv2.erode(z, self._window)
        return slope, jump > 0.06 + 0.04 * z

    def _in_shadow(self, z: F32) -> Mask:
        """What the right imager cannot see because something nearer stands before it."""
        x = self._x - self._shadow / z
        nearest = np.minimum.accumulate(x[:, ::-1], axis=1)[:, ::-1]
        hidden = np.zeros(z.shape, bool)
        hidden[:, :-1] = nearest[:, 1:] < x[:, :-1] - 0.3 * self._scale
        return hidden

    def _holes(self, z: F32, slope: F32, edge: Mask, rgb: U8) -> Mask:
        """Dark, far and grazing surfaces return too little; their holes hang together."""
        chance = 0.01 + 0.05 * np.clip(z - 3.5, 0, 5)
        chance += 0.3 * np.clip(slope - 2, 0, 4) * ~edge
        green = rgb[..., 1]
        if green.mean() > 30:  # in a dark room black is no sign of a black surface
            chance += 0.9 * np.clip(1 - green * np.float32(1 / 41), 0, 1)
        threshold = 2.9 - 2.9 * np.clip(self._hole_rate * chance, 0, 1)
        found: Mask = self._fixed_holes + np.float32(0.66) * self._blotchy.draw() > threshold
        return found


class RgbNoise:
    """One small camera: white balance, tone curve, softness, grain; exposed by the first frame."""

    def __init__(self, rng: Rng, dark: bool, width: int = 320, height: int = 240) -> None:
        balance = 1 + rng.normal(size=3) * 0.06
        self._gain, self._curve = rng.uniform(0.8, 1.2) * balance, rng.uniform(0.85, 1.2)
        self._most = 1.3 if dark else 1.8  # how far the sensor can turn up its gain
        self._table: U8 | None = None
        self._softness_px = float(rng.uniform(0.3, 0.9))
        strength = rng.uniform(5, 14) if dark else rng.uniform(1, 5)
        shot = 0.6 + 0.4 * np.sqrt(np.arange(256) / 128)  # brighter: noisier
        self._sigma = (strength * shot).astype(np.float32)
        self._grain = _Field(rng, (height, width, 3), 0.5)

    def __call__(self, rgb: U8) -> U8:
        """Clean (H, W, 3) -> as the sensor gives it."""
        import cv2

        if self._table is None:
            self._table = self._exposed(float(rgb.mean()))
        soft = cv2.GaussianBlur(rgb, (0, 0), self._softness_px)
        seen = cv2.LUT(soft, self._table)
        noise = cv2.multiply(cv2.LUT(seen, self._sigma), self._grain.draw())
        return np.asarray(cv2.add(seen, noise, dtype=cv2.CV_8U), np.uint8)

    def _exposed(self, mean: float) -> U8:
        """(256, 1, 3) tone curve that brings a picture of this mean towards mid grey."""
        automatic = np.clip((_EXPOSURE_TARGET / max(mean, 1.0)) ** 0.7, 0.7, self._most)
        level = np.arange(256)[:, None] / 255 * automatic * self._gain
        table = 255 * np.clip(level, 0, 1) ** self._curve
        curve: U8 = np.round(table).astype(np.uint8).reshape(256, 1, 3)
        return curve
