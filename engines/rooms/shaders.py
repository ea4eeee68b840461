"""GLSL of the renderer: surfaces are shaded once into light layers, then composed every frame."""

from __future__ import annotations

VERTEX = """#version 330
in vec3 position; in vec3 normal; in vec3 texture_at; in vec4 colour; in vec4 accent;
in float pattern;
uniform mat4 projection, view;
out vec3 P; out vec3 N; out vec3 T; out vec4 C1; out vec4 C2; out float Z; flat out float K;
void main() {
    P = position; N = normal; T = texture_at; C1 = colour; C2 = accent; K = pattern;
    vec4 seen = view * vec4(position, 1.0);
    Z = -seen.z;
    gl_Position = projection * seen;
}
"""

SHADOW_VERTEX = """#version 330
in vec3 position;
uniform mat4 light_matrix;
void main() { gl_Position = light_matrix * vec4(position, 1.0); }
"""

SHADOW_FRAGMENT = """#version 330
void main() {}
"""

SCREEN_VERTEX = """#version 330
void main() {
    vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
    gl_Position = vec4(corner, 0.0, 1.0);
}
"""

_SHADOW = """
uniform mat4 light_matrix;
float lit(sampler2D map, vec3 at) {
    vec4 q = light_matrix * vec4(at, 1.0);
    vec3 s = q.xyz / q.w * 0.5 + 0.5;
    if (q.w <= 0.0 || any(lessThan(s, vec3(0.0))) || any(greaterThan(s, vec3(1.0)))) return 1.0;
    float sum = 0.0;
    for (int i = -1; i <= 1; i += 2) for (int j = -1; j <= 1; j += 2)
        sum += texture(map, s.xy + vec2(i, j) * 0.0016).r + 0.0022 < s.z ? 0.0 : 1.0;
    return sum * 0.25;
}
"""

_TONE = """
vec3 tone(vec3 light) { light = light / (1.0 + 0.55 * light); return sqrt(clamp(light, 0.0, 1.0)); }
"""

_SURFACE = """
in vec3 P; in vec3 N; in vec3 T; in vec4 C1; in vec4 C2; in float Z; flat in float K;
uniform vec3 eye, light_at, light_colour, ambient_sky, ambient_floor, room_half;
uniform vec3 sun;                                // direction towards it; zero: a lamp
uniform vec3 window_at, window_normal, window_along; uniform vec2 window_half;
uniform float daylight;                          // strength of the window as an area light

float hash(vec3 p) {
    p = fract(p * 0.3183099 + 0.1) * 17.0;
    return fract(p.x * p.y * p.z * (p.x + p.y + p.z));
}
float noise(vec3 x) {
    vec3 i = floor(x), f = fract(x);
    f = f * f * (3.0 - 2.0 * f);
    vec2 o = vec2(0.0, 1.0);
    vec4 near = vec4(hash(i), hash(i + o.yxx), hash(i + o.xyx), hash(i + o.yyx));
    vec4 far = vec4(hash(i + o.xxy), hash(i + o.yxy), hash(i + o.xyy), hash(i + o.yyy));
    vec4 z = mix(near, far, f.z);
    vec2 y = mix(z.xy, z.zw, f.y);
    return mix(y.x, y.y, f.x);
}
float planks(float cloud) {
    float row = floor(T.y * 7.0), shift = hash(vec3(row, 3, 1));
    float board = floor((T.x + shift * 2.0) * 0.9);
    float edge = min(fract(T.y * 7.0), 1.0 - fract(T.y * 7.0));
    float fibre = noise(vec3(T.x * 2.0 + shift * 9.0, T.y * 40.0, 3.0));
    return 0.6 * hash(vec3(row, board, 7)) + 0.4 * fibre + (edge < 0.03 ? 0.4 : 0.0);
}
float blend() {
    int kind = int(K + 0.5);
    float cloud = noise(T * 9.0);
    if (kind == 1) return planks(cloud);
    if (kind == 2) {
        vec2 f = fract(T.xy * 2.8), e = min(f, 1.0 - f);
        return min(e.x, e.y) < 0.025 ? 1.0 : 0.15 * cloud;
    }
    if (kind == 3) return 0.5 * noise(T * 60.0) + 0.3 * noise(T * 25.0) + 0.2 * cloud;
    if (kind == 4) return smoothstep(0.45, 0.55, abs(fract(T.z * 12.0) - 0.5) * 2.0);
    if (kind == 5) return 0.5 * (step(0.5, fract(T.x * 9.0)) + step(0.5, fract((T.z + T.y) * 9.0)));
    if (kind == 6) {
        vec2 f = fract(vec2(T.x + T.y, T.z + T.y) * 5.0) - 0.5;
        return 0.7 * smoothstep(0.22, 0.16, length(f));
    }
    if (kind == 7) return smoothstep(0.35, 0.7, 0.6 * noise(T * 5.0) + 0.4 * noise(T * 13.0));
    if (kind == 8) return hash(vec3(floor((T.x + T.y) * 22.0), floor(T.z * 3.0), 5.0));
    if (kind == 9) return 0.6 * noise(vec3(T.x * 3.0, T.y * 3.0, T.z * 45.0)) + 0.2 * cloud;
    return 0.12 * cloud;
}
float corner_shade(vec3 n) {                     // corners and the foot of walls get less sky
    vec3 low = P + vec3(room_half.xy, 0.0), high = vec3(room_half.xy, 2.0 * room_half.z) - P;
    vec3 gap = min(abs(low), abs(high)), open = 1.0 - 0.38 * exp(-gap * 4.5) * (1.0 - abs(n));
    return open.x * open.y * open.z;
}
float through_window(vec3 towards) {             // does the sun reach P through the glass?
    float facing = dot(towards, -window_normal);
    if (facing < 0.01) return 0.0;
    vec3 hit = P + towards * (dot(window_at - P, -window_normal) / facing) - window_at;
    vec2 inside = window_half - abs(vec2(dot(hit, window_along), hit.z));
    return smoothstep(-0.02, 0.03, min(inside.x, inside.y));
}
// ambient: light that nothing shadows.  direct: light of lamp or sun before shadows.
void shade(out vec3 ambient, out vec3 direct) {
    vec3 n = normalize(N), to_eye = normalize(eye - P);
    if (dot(n, to_eye) < 0.0) n = -n;
    vec3 base = mix(C1.rgb, C2.rgb, clamp(blend(), 0.0, 1.0));
    base *= base * (0.92 + 0.16 * noise(T * 3.0));
    bool is_sun = dot(sun, sun) > 0.5;
    vec3 towards = is_sun ? sun : light_at - P;
    float distance = length(towards);
    towards /= distance;
    float strength = is_sun ? through_window(towards) : 1.0 / (0.35 + 0.22 * distance * distance);
    float facing = max(dot(n, towards), 0.0);
    float shine = pow(max(dot(n, normalize(towards + to_eye)), 0.0), 24.0) * C2.a * 0.35;
    direct = light_colour * strength * (base * facing + shine);
    vec3 glass = window_at - P;
    float reach = dot(glass, glass);
    glass *= inversesqrt(reach);
    float soft = daylight * max(dot(-glass, window_normal), 0.0) / (0.5 + 0.3 * reach);
    soft *= 0.25 + 0.75 * max(dot(n, glass), 0.0);
    ambient = base * (mix(ambient_floor, ambient_sky, 0.5 + 0.5 * n.z) * corner_shade(n) + soft)
        + base * C1.a * 3.0;
}
"""

SCENERY_FRAGMENT = (
    "#version 330\n"
    + _SURFACE
    + _SHADOW
    + """
uniform sampler2D still_shadow;
layout(location = 0) out vec4 ambient_layer;
layout(location = 1) out vec4 direct_layer;
layout(location = 2) out vec4 place_layer;
void main() {
    vec3 ambient, direct;
    shade(ambient, direct);
    ambient_layer = vec4(ambient, 1.0);
    direct_layer = vec4(direct * lit(still_shadow, P), 1.0);
    place_layer = vec4(P, Z);
}
"""
)
"""What never moves, rendered once a scene: light in two layers, place and distance."""

COMPOSE_FRAGMENT = (
    "#version 330\n"
    + _SHADOW
    + _TONE
    + """
uniform sampler2D ambient_layer, direct_layer, place_layer, moving_shadow;
uniform vec2 clip;                               // near, far
layout(location = 0) out vec4 picture;
layout(location = 1) out float metres;
void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 place = texelFetch(place_layer, at, 0);
    vec3 direct = texelFetch(direct_layer, at, 0).rgb;
    if (direct.r + direct.g + direct.b > 0.002) direct *= lit(moving_shadow, place.xyz);
    picture = vec4(tone(texelFetch(ambient_layer, at, 0).rgb + direct), 0.0);
    metres = place.w;
    float z = place.w > 0.0 ? place.w : clip.y;
    gl_FragDepth = clamp(clip.y / (clip.y - clip.x) * (1.0 - clip.x / z), 0.0, 1.0);
}
"""
)
"""The scenery under this frame's shadows of people."""

MOVING_FRAGMENT = (
    "#version 330\n"
    + _SURFACE
    + _SHADOW
    + _TONE
    + """
uniform sampler2D still_shadow, moving_shadow;
uniform float label;
layout(location = 0) out vec4 picture;
layout(location = 1) out float metres;
void main() {
    vec3 ambient, direct;
    shade(ambient, direct);
    direct *= lit(still_shadow, P) * lit(moving_shadow, P);
    picture = vec4(tone(ambient + direct), label / 255.0);
    metres = Z;
}
"""
)
"""People and what they hold."""
