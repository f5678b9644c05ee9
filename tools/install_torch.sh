#!/bin/sh
# Usage: install_torch.sh BIN VERSION
# Installs torch into the environment of BIN: the ordinary build where an NVIDIA GPU answers, the CPU build
# elsewhere, which spares gigabytes of CUDA packages.
set -eu
bin=$1
version=$2
pip="$bin/pip install --quiet --disable-pip-version-check ${TORCH_INDEX:+--index-url $TORCH_INDEX}"

if "$bin/python" -c 'import torch' 2>/dev/null; then
    exit 0
fi
if [ "$(uname -s)" != Linux ] || nvidia-smi -L >/dev/null 2>&1; then
    exec $pip "torch==$version"
fi
# The "+cpu" build, where the configured package sources hold it; uv knows where PyTorch publishes it.
if $pip --only-binary=:all: "torch==$version+cpu" 2>/dev/null; then
    exit 0
fi
echo "fetching the CPU build of torch $version with uv" >&2
$bin/pip install --quiet --disable-pip-version-check uv
exec "$bin/uv" pip install --quiet --python "$bin/python" --torch-backend cpu "torch==$version"
