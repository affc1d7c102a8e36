"""The public names of ``baml_py`` that programs use: ``from bamlvm.compat.baml_py import Image, Collector``."""

from bamlvm.compat import errors as errors
from bamlvm.compat.client import BamlStream as BamlStream
from bamlvm.compat.client import BamlSyncStream as BamlSyncStream
from bamlvm.compat.collector import Collector as Collector
from bamlvm.compat.collector import FunctionLog as FunctionLog
from bamlvm.compat.collector import HTTPRequest as HTTPRequest
from bamlvm.compat.collector import LLMCall as LLMCall
from bamlvm.compat.collector import Timing as Timing
from bamlvm.compat.collector import Usage as Usage
from bamlvm.compat.errors import BamlAbortError as BamlAbortError
from bamlvm.compat.errors import BamlClientError as BamlClientError
from bamlvm.compat.errors import BamlClientFinishReasonError as BamlClientFinishReasonError
from bamlvm.compat.errors import BamlClientHttpError as BamlClientHttpError
from bamlvm.compat.errors import BamlError as BamlError
from bamlvm.compat.errors import BamlInvalidArgumentError as BamlInvalidArgumentError
from bamlvm.compat.errors import BamlTimeoutError as BamlTimeoutError
from bamlvm.compat.errors import BamlValidationError as BamlValidationError
from bamlvm.compat.media import Audio as Audio
from bamlvm.compat.media import Image as Image
from bamlvm.compat.media import Pdf as Pdf
from bamlvm.compat.media import Video as Video
from bamlvm.compat.options import AbortController as AbortController
from bamlvm.compat.options import ClientRegistry as ClientRegistry
