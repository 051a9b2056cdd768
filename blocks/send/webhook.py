"""The block that calls a URL with values of the workflow."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from trackwire.specs import (
    BOOLEAN,
    FLOAT,
    FLOAT_ZERO_TO_ONE,
    INTEGER,
    LIST_OF_VALUES,
    ROBOFLOW_MODEL_ID,
    STRING,
    Batch,
    BlockManifest,
    Outcome,
    OutputDefinition,
    Resources,
    Selector,
    StreamKey,
    Traits,
)

from ..elements import run_each
from ..query.language import AnyOperation, run_operations
from .addresses import may_call_private
from .courier import Courier, Letter
from .request import build_request
from .secrets import reveal

__all__ = ["WebhookSink", "WebhookSinkManifest"]

_PLAIN_KINDS = (
    STRING,
    INTEGER,
    FLOAT,
    FLOAT_ZERO_TO_ONE,
    BOOLEAN,
    ROBOFLOW_MODEL_ID,
    "roboflow_api_key",
    "roboflow_project",
    "top_class",
)
_Plain: TypeAlias = str | float | bool | int
_Headers: TypeAlias = dict[str, Annotated[str, Selector(*_PLAIN_KINDS)] | _Plain]
_Query: TypeAlias = dict[
    str, Annotated[str, Selector(*_PLAIN_KINDS, LIST_OF_VALUES)] | _Plain | list[_Plain]
]
_Values: TypeAlias = dict[str, Any]
_Operations: TypeAlias = dict[str, list[AnyOperation]]
_Seconds: TypeAlias = Annotated[int, Field(ge=0)] | Annotated[str, Selector(INTEGER)]
_Flag: TypeAlias = bool | Annotated[str, Selector(BOOLEAN)]

_WORKED_ON = ("json_payload", "multi_part_encoded_files", "form_data")
_MAY_HOLD_SECRETS = ("url", "query_parameters", "headers", *_WORKED_ON)
_OPERATIONS = "Operations of the query language on the fields of the same name."


class WebhookSinkManifest(BlockManifest):
    """Properties of the block that calls a URL."""

    traits: ClassVar[Traits] = Traits(pure=False, local_only=True, accepts_parts=True)
    outputs: ClassVar[tuple[OutputDefinition, ...]] = (
        OutputDefinition("error_status", frozenset({BOOLEAN})),
        OutputDefinition("throttling_status", frozenset({BOOLEAN})),
        OutputDefinition("message", frozenset({STRING})),
    )

    type: Literal["roboflow_core/webhook_sink@v1"]
    url: Annotated[str, Selector(STRING)] | str = Field(description="What to call.")
    method: Literal["GET", "POST", "PUT"] = Field(description="Method of the request.")
    query_parameters: _Query = Field(default={}, description="Fields of the URL's query.")
    headers: _Headers = Field(default={}, description="Headers of the request.")
    json_payload: _Values = Field(default={}, description="Fields of a JSON body.")
    json_payload_operations: _Operations = Field(default={}, description=_OPERATIONS)
    multi_part_encoded_files: _Values = Field(
        default={},
        description="Files of a multipart body: bytes, a picture (sent as JPEG), or a value.",
    )
    multi_part_encoded_files_operations: _Operations = Field(default={}, description=_OPERATIONS)
    form_data: _Values = Field(
        default={}, description="Fields of a form; beside files they are parts of the same body."
    )
    form_data_operations: _Operations = Field(default={}, description=_OPERATIONS)
    request_timeout: Annotated[int, Field(ge=1)] | Annotated[str, Selector(INTEGER)] = Field(
        default=2, description="Longest wait for a connection and for an answer, seconds."
    )
    max_retries: Annotated[int, Field(ge=0, le=10)] | Annotated[str, Selector(INTEGER)] = Field(
        default=2,
        description="How often a request is sent again that got no connection or was answered "
        "429, 502, 503 or 504; after a silence only GET and PUT are.",
    )
    fire_and_forget: _Flag = Field(
        default=True,
        description="Send in the background; false makes the frame wait for the answer.",
    )
    disable_sink: _Flag = Field(default=False, description="Send nothing.")
    cooldown_seconds: _Seconds = Field(
        default=5, description="Least time between two requests about the same stream, seconds."
    )

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_payload and (self.form_data or self.multi_part_encoded_files):
            raise ValueError(
                "a request has one body: json_payload cannot stand beside form_data or "
                "multi_part_encoded_files; leave one of them out"
            )
        return self


class WebhookSink:
    """Calls a URL with values of the workflow, at most once per cooldown and stream.

    Requests are sent on a thread of the block's own, of which 64 may wait. Private addresses are
    refused unless whoever runs the workflow allows them. ``${TRACKWIRE_SECRET_NAME}`` in the
    document stands for that variable of the environment, so that no credential is written down;
    messages and events name the host of a request and nothing else of it.
    """

    manifest: ClassVar[type[BlockManifest]] = WebhookSinkManifest

    def __init__(
        self,
        written: Mapping[str, Any],
        courier: Courier,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._written = written
        self._courier = courier
        self._clock = clock
        self._sent_at: dict[StreamKey, float] = {}

    @classmethod
    def open(cls, step: BlockManifest, resources: Resources) -> Self:
        """Make the block.

        Raises:
            BlockError: A secret that the document names is not there.
        """
        written = {name: getattr(step, name) for name in _MAY_HOLD_SECRETS}
        reveal(written, written)
        private = may_call_private(resources)
        return cls(written, Courier(step.name, resources.outbox, private=private))

    def demand(self, eager: Batch) -> Mapping[str, Sequence[bool]]:
        """Demand nothing: no input is lazy."""
        return {}

    def run(self, batch: Batch) -> Sequence[Outcome]:
        """Send a request for each element that no cooldown holds back."""
        return run_each(batch, self._notify)

    def end_stream(self, stream: StreamKey) -> None:
        """Forget when the stream's last request was sent."""
        self._sent_at.pop(stream, None)

    def close(self) -> None:
        """Send what waits, for some seconds, and end the thread."""
        self._courier.close()

    def _notify(self, stream: StreamKey, values: Mapping[str, Any]) -> Outcome:
        if values["disable_sink"]:
            return _told("disabled by disable_sink")
        now, before = self._clock(), self._sent_at.get(stream)
        if before is not None and now - before < float(values["cooldown_seconds"]):
            return _told("held back by the cooldown", throttled=True)
        letter = Letter(self._request(values), int(values["max_retries"]), stream)
        self._sent_at[stream] = now
        if values["fire_and_forget"]:
            if self._courier.post(letter):
                return _told(f"left to be sent to {letter.request.host}")
            return _told("dropped: too many requests wait already", error=True)
        reason = self._courier.deliver(letter)
        if reason is None:
            return _told(f"delivered to {letter.request.host}")
        return _told(reason, error=True)

    def _request(self, values: Mapping[str, Any]) -> Any:
        ready = {**values}
        for name in _MAY_HOLD_SECRETS:
            if name not in _WORKED_ON:
                ready[name] = reveal(self._written[name], values[name])
        for name in _WORKED_ON:
            # What operations work on is never a secret, for their errors show values.
            operations, written = values[f"{name}_operations"], self._written[name]
            ready[name] = {
                key: run_operations(operations[key], value, {})
                if key in operations
                else reveal(written.get(key), value)
                for key, value in values[name].items()
            }
        return build_request(ready)


def _told(message: str, *, error: bool = False, throttled: bool = False) -> Mapping[str, Any]:
    return {"error_status": error, "throttling_status": throttled, "message": message}
