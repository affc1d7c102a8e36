# The public names for type checkers, which do not see what `__init__.py` loads at run time.

from bamlvm import errors as errors
from bamlvm import stages as stages
from bamlvm import testing as testing
from bamlvm.calls.batch import BatchResult as BatchResult
from bamlvm.calls.dry_run import HttpRequest as HttpRequest
from bamlvm.calls.dry_run import ParseStream as ParseStream
from bamlvm.calls.dry_run import PromptMessage as PromptMessage
from bamlvm.calls.dry_run import PromptPart as PromptPart
from bamlvm.calls.streams import Stream as Stream
from bamlvm.checking import CheckReport as CheckReport
from bamlvm.checking import check as check
from bamlvm.collector import CallRecord as CallRecord
from bamlvm.collector import Collector as Collector
from bamlvm.collector import Observer as Observer
from bamlvm.collector import UnawaitedError as UnawaitedError
from bamlvm.collector import Usage as Usage
from bamlvm.context import CallContext as CallContext
from bamlvm.context import CancelToken as CancelToken
from bamlvm.errors import BamlError as BamlError
from bamlvm.errors import Cancelled as Cancelled
from bamlvm.errors import CompileError as CompileError
from bamlvm.errors import DeadlineExceeded as DeadlineExceeded
from bamlvm.errors import HostError as HostError
from bamlvm.errors import ThrownError as ThrownError
from bamlvm.events import Attempt as Attempt
from bamlvm.events import Event as Event
from bamlvm.events import Partial as Partial
from bamlvm.events import Tick as Tick
from bamlvm.formatting import format_source as format_source
from bamlvm.grammar.diagnostics import Diagnostic as Diagnostic
from bamlvm.media import Audio as Audio
from bamlvm.media import Image as Image
from bamlvm.media import Pdf as Pdf
from bamlvm.media import Video as Video
from bamlvm.runtime import Runtime as Runtime
from bamlvm.sysops.records import AttemptRecord as AttemptRecord
from bamlvm.sysops.records import ErrorRecord as ErrorRecord
from bamlvm.values.checked import Check as Check
from bamlvm.values.checked import Checked as Checked
from bamlvm.values.checked import StreamState as StreamState
from bamlvm.values.checked import all_succeeded as all_succeeded
from bamlvm.values.checked import get_checks as get_checks
from bamlvm.values.results import to_builtins as to_builtins
from bamlvm.vm.values import Media as Media

__version__: str
