"""The off-screen OpenGL context and its passes: still scenery once, then people every frame."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import GatehouseError
from engines.rooms import shaders
from engines.rooms.mesh import LAYOUT, MOVING, WIDTH, Mesh
from engines.rooms.optics import FAR_M, NEAR_M

if TYPE_CHECKING:
    import moderngl

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Uniforms = Mapping[str, Any]

_SHADOW_SIZE = 512
_STILL_SHADOW, _MOVING_SHADOW, _AMBIENT, _DIRECT, _PLACE = range(5)  # texture units


class RenderError(GatehouseError):
    """Off-screen OpenGL is not available."""


@dataclass(frozen=True, slots=True)
class Drawable:
    """A mesh on the GPU. ``moving`` takes (V, 6) positions and normals; None: it never moves."""

    picture: moderngl.VertexArray
    shadow: moderngl.VertexArray
    moving: moderngl.Buffer | None
    buffers: tuple[moderngl.Buffer, ...]
    label: int

    def move(self, vertices: F32) -> None:
        """Write this frame's (V, 6) float32."""
        if self.moving is not None:
            self.moving.write(np.ascontiguousarray(vertices, np.float32))

    def release(self) -> None:
        """Give its memory back."""
        self.picture.release()
        self.shadow.release()
        for buffer in self.buffers:
            buffer.release()


def open_context() -> moderngl.Context:
    """An EGL context without a window; RenderError names what to install."""
    os.environ.setdefault("LP_NUM_THREADS", "1")  # llvmpipe: one process a core is faster
    try:
        import moderngl

        context = moderngl.create_context(standalone=True, backend="egl")  # type: ignore[arg-type]  # its stub is wrong
    except ImportError as error:
        raise RenderError(
            "moderngl is missing; run: pip install 'gatehouse-edge[train]'"
        ) from error
    except Exception as error:  # glcontext raises bare Exception
        raise RenderError(
            f"no off-screen OpenGL ({error}); "
            "run: apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri"
        ) from error
    context.enable(moderngl.DEPTH_TEST)
    return context


class Gpu:
    """Programs and render targets for pictures of one size."""

    def __init__(self, width: int, height: int) -> None:
        self.size = (width, height)
        self._context = c = open_context()
        self._still = c.program(shaders.VERTEX, shaders.SCENERY_FRAGMENT)
        self._moving = c.program(shaders.VERTEX, shaders.MOVING_FRAGMENT)
        self._compose = c.program(shaders.SCREEN_VERTEX, shaders.COMPOSE_FRAGMENT)
        self._shadow = c.program(shaders.SHADOW_VERTEX, shaders.SHADOW_FRAGMENT)
        self._screen = c.vertex_array(self._compose, [])
        self._layers = [c.texture(self.size, 4, dtype="f4") for _ in range(3)]
        self._still_target = c.framebuffer(self._layers, c.depth_renderbuffer(self.size))
        self._colour, self._metres = c.texture(self.size, 4), c.texture(self.size, 1, dtype="f4")
        self._target = c.framebuffer([self._colour, self._metres], c.depth_renderbuffer(self.size))
        self._shadow_maps = [self._shadow_map() for _ in range(2)]
        self._shadow_targets = [c.framebuffer(depth_attachment=m) for m in self._shadow_maps]
        textures = [*self._shadow_maps, *self._layers]
        for unit, texture in enumerate(textures):
            texture.use(unit)
        units = {
            "still_shadow": _STILL_SHADOW, "moving_shadow": _MOVING_SHADOW,
            "ambient_layer": _AMBIENT, "direct_layer": _DIRECT, "place_layer": _PLACE,
            "clip": (NEAR_M, FAR_M),
        }  # fmt: skip
        self.set(units)

    def _shadow_map(self) -> moderngl.Texture:
        depth = self._context.depth_texture((_SHADOW_SIZE, _SHADOW_SIZE))
        depth.compare_func = ""
        depth.filter = (self._context.NEAREST, self._context.NEAREST)
        depth.repeat_x = depth.repeat_y = False
        return depth

    def set(self, uniforms: Uniforms) -> None:
        """Set uniforms by name in every program that has them; (4, 4) arrays are row-major."""
        for program in (self._still, self._moving, self._compose, self._shadow):
            for name, value in uniforms.items():
                if name not in program:
                    continue
                uniform: Any = program[name]
                if isinstance(value, np.ndarray):
                    uniform.write(np.ascontiguousarray(value.T, np.float32))
                else:
                    uniform.value = value

    def upload(self, mesh: Mesh, label: int = 0, moves: bool = False) -> Drawable:
        """Put a mesh on the GPU; ``moves`` leaves positions and normals to ``Drawable.move``."""
        c, program = self._context, self._moving if moves else self._still
        index = c.buffer(mesh.faces.astype(np.int32).tobytes())
        names = ["texture_at" if n == "texture" else n for n, _ in LAYOUT]
        widths = [f"{w}f" for _, w in LAYOUT]
        if moves:
            moving = c.buffer(reserve=len(mesh.vertices) * MOVING * 4, dynamic=True)
            looks = c.buffer(np.ascontiguousarray(mesh.vertices[:, MOVING:]).tobytes())
            content = [(moving, " ".join(widths[:2]), *names[:2]),
                       (looks, " ".join(widths[2:]), *names[2:])]  # fmt: skip
            picture = c.vertex_array(program, content, index)
            shadow = c.vertex_array(self._shadow, [(moving, "3f 12x", "position")], index)
            return Drawable(picture, shadow, moving, (moving, looks, index), label)
        vertices = c.buffer(mesh.vertices.tobytes())
        picture = c.vertex_array(program, [(vertices, " ".join(widths), *names)], index)
        rest = f"3f {4 * (WIDTH - 3)}x"
        shadow = c.vertex_array(self._shadow, [(vertices, rest, "position")], index)
        return Drawable(picture, shadow, None, (vertices, index), label)

    def draw_still(self, shown: Sequence[Drawable], casting: Sequence[Drawable]) -> None:
        """Shade what never moves into the light layers, under its own shadows."""
        self._cast(_STILL_SHADOW, casting)
        self._still_target.use()
        self._still_target.clear()
        for item in shown:
            item.picture.render()

    def draw(self, moving: Sequence[Drawable]) -> None:
        """Compose one frame from the still layers and what moves."""
        self._cast(_MOVING_SHADOW, moving)
        self._target.use()
        self._target.clear()
        self._screen.render(vertices=3)
        for item in moving:
            label: Any = self._moving["label"]
            label.value = float(item.label)
            item.picture.render()

    def _cast(self, unit: int, casting: Sequence[Drawable]) -> None:
        target = self._shadow_targets[unit]
        target.use()
        target.clear(depth=1.0)
        for item in casting:
            item.shadow.render()

    def read(self) -> tuple[U8, F32]:
        """(H, W, 4) colour and label, (H, W) metres of the last frame, top row first."""
        width, height = self.size
        colour = np.frombuffer(self._colour.read(), np.uint8).reshape(height, width, 4)
        metres = np.frombuffer(self._metres.read(), np.float32).reshape(height, width)
        return colour, metres

    def close(self) -> None:
        """Release the context and everything in it."""
        self._context.release()
