"""The files of a folder that holds a network that finds lungs."""

LUNGS_RECORD, LUNGS_ONNX, LUNGS_WEIGHTS = "lungs.json", "lungs.onnx", "weights.safetensors"
