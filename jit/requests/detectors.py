"""What knows the shape of a secret: detect-secrets, without what it would ask of services. Its import of requests, with
urllib3 and charset_normalizer, held 3.5 MB in each bot for nothing.
"""

from collections.abc import Mapping
from types import SimpleNamespace

from jit.runtime.left_out import left_out

# A detector names its Response in an annotation.
with left_out("requests", SimpleNamespace(Response=object)):
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.plugins.base import BasePlugin

    _known: Mapping[str, type[BasePlugin]] = get_mapping_from_secret_type_to_class()

_GUESSING = frozenset({"Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector", "IPPublicDetector"})
"""Those that guess from entropy or from a word alone fire on ordinary sentences. An incident may well be about an
address.
"""

DETECTORS = tuple(detector() for detector in _known.values() if detector.__name__ not in _GUESSING)
