"""Run-time parameters: their values put into the steps before a block is opened.

A property such as ``model_id: "$inputs.model"`` is known before the first frame. The engine
puts its value into the manifest, so that a block finds it there when it opens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from trackwire.specs import (
    BlockManifest,
    Mistake,
    MistakeCode,
    Reference,
    Selector,
    SpecificationError,
    Step,
    Wire,
    Workflow,
)

__all__ = ["parameter_values", "settle_manifests"]


def parameter_values(workflow: Workflow) -> Mapping[Reference, Any]:
    """Find the value of every parameter of a workflow.

    Args:
        workflow: A compiled workflow.

    Returns:
        Values by reference: the one given, else the default.

    Raises:
        SpecificationError: A required parameter was not given.
    """
    values: dict[Reference, Any] = {}
    mistakes: list[Mistake] = []
    for name, declared in workflow.inputs.items():
        if declared.role != "parameter":
            continue
        if declared.required and name not in workflow.parameters:
            mistakes.append(
                Mistake(
                    code=MistakeCode.MISSING_PARAMETER,
                    path=f"parameters.{name}",
                    message=f"the workflow needs a value for the parameter {name!r}",
                )
            )
        values[Reference(input=name)] = workflow.parameters.get(name, declared.default)
    if mistakes:
        raise SpecificationError(mistakes)
    return values


def settle_manifests(
    workflow: Workflow, values: Mapping[Reference, Any]
) -> tuple[BlockManifest, ...]:
    """Put parameters into the manifests of all steps.

    Args:
        workflow: A compiled workflow.
        values: What :func:`parameter_values` found.

    Returns:
        One manifest per step. A property that takes nothing but a selector keeps it.

    Raises:
        SpecificationError: A value is none that the property takes; names all of them.
    """
    mistakes: list[Mistake] = []
    settled = tuple(_settle(step, values, mistakes) for step in workflow.steps)
    if mistakes:
        raise SpecificationError(mistakes)
    return settled


def _settle(step: Step, values: Mapping[Reference, Any], mistakes: list[Mistake]) -> BlockManifest:
    manifest = step.manifest
    given = {
        name: (binding.reference, values[binding.reference])
        for name, binding in step.bindings.items()
        if isinstance(binding, Wire)
        and binding.reference in values
        and not _takes_only_selectors(manifest, name)
    }
    if not given:
        return manifest
    written = {name: getattr(manifest, name) for name in manifest.model_fields_set}
    try:
        return type(manifest).model_validate(
            {**written, **{name: value for name, (_, value) in given.items()}}
        )
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            name = str(detail["loc"][0]) if detail["loc"] else ""
            reference, value = given.get(name, (None, detail["input"]))
            mistakes.append(
                Mistake(
                    code=MistakeCode.INVALID_PARAMETER,
                    path=f"$.steps[?(@.name=={step.name!r})].{name}",
                    message=f"{reference or name}: {detail['msg']}",
                    found=repr(value),
                )
            )
        return manifest


def _takes_only_selectors(manifest: BlockManifest, name: str) -> bool:
    field = type(manifest).model_fields[name]
    return any(isinstance(entry, Selector) for entry in field.metadata)
