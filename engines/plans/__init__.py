"""TensorRT plans: compiled, kept, listed, collected, and compared with their ONNX files."""
