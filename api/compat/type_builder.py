"""``TypeBuilder`` of generated clients, and the names of ``baml_py.type_builder``."""

from __future__ import annotations

from bamlvm import errors
from bamlvm.client import Project
from bamlvm.compat.errors import BamlError
from bamlvm.dynamic import builder
from bamlvm.dynamic.parts import ClassBuilder as ClassBuilder
from bamlvm.dynamic.parts import ClassViewer as ClassViewer
from bamlvm.dynamic.parts import EnumBuilder as EnumBuilder
from bamlvm.dynamic.parts import EnumViewer as EnumViewer
from bamlvm.dynamic.parts import Parts as Parts
from bamlvm.dynamic.parts import PropertyBuilder as PropertyBuilder
from bamlvm.dynamic.parts import PropertyViewer as PropertyViewer
from bamlvm.dynamic.parts import ValueBuilder as ValueBuilder
from bamlvm.dynamic.parts import ValueViewer as ValueViewer
from bamlvm.dynamic.state import FieldType as FieldType

ClassPropertyBuilder = PropertyBuilder
ClassPropertyViewer = PropertyViewer
EnumValueBuilder = ValueBuilder
EnumValueViewer = ValueViewer
NewClassBuilder = ClassBuilder
NewEnumBuilder = EnumBuilder


class TypeBuilder(builder.TypeBuilder):
    """Types to be added to a client's program: the option ``tb`` of a call."""

    def __init__(self, project: Project) -> None:
        super().__init__(project.runtime)

    def add_baml(self, baml: str) -> None:
        """Add what a text declares.  Raises :class:`BamlError` with everything that is wrong with it."""
        try:
            super().add_baml(baml)
        except errors.HostError as error:
            raise BamlError(str(error)) from error
