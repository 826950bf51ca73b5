"""What several unit tests share: the native extractor, compiled once a session."""

from __future__ import annotations

from typing import Any

import pytest
from native_extract import Native, build_library


@pytest.fixture(scope="session")
def extractor_library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The extractor with the generated table, loaded."""
    return build_library(tmp_path_factory.mktemp("extractor"))


@pytest.fixture
def native(extractor_library: Any) -> Native:
    """A fresh extractor."""
    return Native(extractor_library)
