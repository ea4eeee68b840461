"""Surgery on ONNX graphs: what builders of INT8 engines want settled before they start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import GraphProto, ModelProto, NodeProto


def fold_constants(model: ModelProto) -> int:
    """Compute every node that depends on nothing but Constant nodes; returns how many.

    Initialisers stay as they are: they are weights, and their names are read elsewhere.
    """
    from onnx import numpy_helper

    graph = model.graph
    known = _constants(graph)
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    folded = []
    for node in graph.node:
        if node.op_type == "Constant" or not node.input or len(node.output) != 1:
            continue
        if all(name in known or not name for name in node.input):
            known[node.output[0]] = _evaluate(node, known, opset)
            folded.append(node)
    outputs = {output.name for output in graph.output}
    for node in folded:
        name = node.output[0]
        if name not in outputs:
            graph.node.remove(node)
            graph.initializer.append(numpy_helper.from_array(known[name], name))
    drop_unused(graph)
    return len(folded)


def _constants(graph: GraphProto) -> dict[str, NDArray[Any]]:
    from onnx import numpy_helper

    nodes = [node for node in graph.node if node.op_type == "Constant"]
    return {
        node.output[0]: numpy_helper.to_array(attribute.t)
        for node in nodes
        for attribute in node.attribute
        if attribute.name == "value"
    }


def _evaluate(node: NodeProto, known: dict[str, NDArray[Any]], opset: int) -> NDArray[Any]:
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    names = [name for name in node.input if name]
    # the evaluator does not read the declared types; any will do
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    output = helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "constant", inputs, [output])
    single = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    results: Any = ReferenceEvaluator(single).run(None, {n: known[n] for n in names})
    return np.asarray(results[0])


def name_shared(model: ModelProto) -> int:
    """Give each weight that was found equal to another its own copy again; returns how many.

    The exporter keeps one of several equal initialisers and calls the others its Identity, but
    their names are read elsewhere.
    """
    from onnx import numpy_helper

    graph = model.graph
    weights = {entry.name: entry for entry in graph.initializer}
    shared = [n for n in graph.node if n.op_type == "Identity" and n.input[0] in weights]
    for node in shared:
        copy = numpy_helper.to_array(weights[node.input[0]])
        graph.node.remove(node)
        graph.initializer.append(numpy_helper.from_array(copy, node.output[0]))
    return len(shared)


def fold_pads(model: ModelProto) -> int:
    """Move every zero padding before a convolution into that one's own pads; returns how many."""
    graph = model.graph
    producers = {output: node for node in graph.node for output in node.output}
    uses = Counter(name for node in graph.node for name in node.input)
    folded = []
    for node in graph.node:
        pad = producers.get(node.input[0]) if node.op_type == "Conv" else None
        if pad is None or pad.op_type != "Pad" or uses[pad.output[0]] != 1:
            continue
        amounts = _pad_amounts(graph, pad)
        if amounts is not None:
            _add_pads(node, amounts)
            node.input[0] = pad.input[0]
            folded.append(pad)
    for pad in folded:
        graph.node.remove(pad)
    drop_unused(graph)
    return len(folded)


def _pad_amounts(graph: GraphProto, pad: NodeProto) -> list[int] | None:
    """Top, left, bottom, right; None unless it puts a known number of zeros around pictures."""
    from onnx import numpy_helper

    known = _constants(graph)
    known.update(
        {i.name: numpy_helper.to_array(i) for i in graph.initializer if i.name in pad.input}
    )
    mode = next((a.s for a in pad.attribute if a.name == "mode"), b"constant")
    value = pad.input[2] if len(pad.input) > 2 else ""
    if mode != b"constant" or pad.input[1] not in known or (value and np.any(known.get(value, 1))):
        return None
    amounts = [int(amount) for amount in known[pad.input[1]]]
    if len(amounts) != 8 or any(amounts[i] for i in (0, 1, 4, 5)):
        return None
    return [amounts[2], amounts[3], amounts[6], amounts[7]]


def _add_pads(conv: NodeProto, amounts: Sequence[int]) -> None:
    from onnx import helper

    own = next((list(a.ints) for a in conv.attribute if a.name == "pads"), [0, 0, 0, 0])
    kept = [a for a in conv.attribute if a.name not in ("pads", "auto_pad")]
    del conv.attribute[:]
    conv.attribute.extend(kept)
    total = [a + b for a, b in zip(own, amounts, strict=True)]
    conv.attribute.append(helper.make_attribute("pads", total))


def cast_first(model: ModelProto) -> int:
    """Cast raw inputs before they are transposed, not after; returns how many.

    The values are the same, but TensorRT transposes no unsigned bytes.
    """
    graph = model.graph
    inputs = {entry.name for entry in graph.input}
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(output.name for output in graph.output)
    casts = {node.input[0]: node for node in graph.node if node.op_type == "Cast"}
    turned = [
        node
        for node in graph.node
        if node.op_type == "Transpose" and node.input[0] in inputs and uses[node.output[0]] == 1
        if node.output[0] in casts
    ]
    for transpose in turned:
        # the inner name now stands for another type and shape
        _remove(graph.value_info, [v for v in graph.value_info if v.name == transpose.output[0]])
        _swap_operations(transpose, casts[transpose.output[0]])
    return len(turned)


def _swap_operations(one: NodeProto, other: NodeProto) -> None:
    """Each does what the other did, where it stands."""
    mine, theirs = list(one.attribute), list(other.attribute)
    for node, attributes in ((one, theirs), (other, mine)):
        del node.attribute[:]
        node.attribute.extend(attributes)
    one.op_type, other.op_type = other.op_type, one.op_type
    one.name, other.name = other.name, one.name


def drop_unused(graph: GraphProto) -> None:
    """Remove constants and initialisers that no node reads."""
    used = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
    _remove(
        graph.node, [n for n in graph.node if n.op_type == "Constant" and n.output[0] not in used]
    )
    _remove(graph.initializer, [i for i in graph.initializer if i.name not in used])


def _remove(container: Any, entries: Iterable[Any]) -> None:
    for entry in entries:
        container.remove(entry)
