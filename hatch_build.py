"""Compiles decoder/native into decoder/_native when pip installs the project, editable or as a wheel."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from pybind11.setup_helpers import Pybind11Extension
from setuptools import Distribution
from setuptools.command.build_ext import build_ext


class NativeBuild(BuildHookInterface):  # type: ignore[type-arg]
    """Leaves the compiled module in the source tree, where an editable install finds it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; called by hatchling."""
        sources, headers = (
            sorted(str(path.relative_to(self.root)) for path in Path(self.root, "decoder/native").glob(f"*.{suffix}"))
            for suffix in ("cpp", "hpp")
        )
        extension = Pybind11Extension(
            "decoder._native", sources, depends=headers, cxx_std=17, extra_compile_args=["-O3"]
        )
        command = build_ext(Distribution({"ext_modules": [extension]}))
        command.inplace = True
        command.build_temp = str(Path(self.directory, "native"))
        command.ensure_finalized()
        command.run()
        module = command.get_ext_filename("decoder._native")
        build_data["force_include"][str(Path(self.root, module))] = module
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
