"""The file format of worlds: entity types, tools and how they answer, in JSON or YAML."""

from enum import StrEnum
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from titan.world.ledger import InitialState, Operation


class Consistency(StrEnum):
    """The handling of operations and answers that contradict the ledger."""

    OFF = "off"  #: nothing is looked at
    OBSERVE = "observe"  #: each violation is recorded
    ENFORCE = "enforce"  #: a simulated answer with a violation is asked for again, and at last refused


class Mode(StrEnum):
    """The part of Titan or the world that answers a tool's calls."""

    SIMULATED = "simulated"  #: the world: as declared, else a model
    PASSTHROUGH = "passthrough"  #: a registered endpoint


class WritePolicy(StrEnum):
    """The effect on the ledger of calls that an endpoint answered."""

    RECORD_ONLY = "record_only"  #: the call is recorded, the ledger stays
    ADAPTER = "adapter"  #: the tool's declared effects are applied
    NONE = "none"  #: as `record_only`, and the response is not compared with the ledger


class Access(StrEnum):
    """The access to the ledger of a tool that a model simulates."""

    READ = "read"
    WRITE = "write"


class Comparison(StrEnum):
    """A comparison of a field with a value."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"  #: the field is an element of the value, a list
    CONTAINS = "contains"  #: the value is an element of the field, a list, or a part of it, a text
    ILIKE = "ilike"  #: the value is a part of the field's text, whatever the case
    EXISTS = "exists"  #: the field is present and not null; with the value false, it is not
    EMPTY = "empty"  #: the field is absent, null, "", [] or {}; the value as for `exists`


class _Definition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class FieldType(_Definition, frozen=True, kw_only=True):
    """The type of a field of an entity."""

    type: Literal["string", "integer", "number", "boolean", "object", "array", "any"] = "any"
    enum: tuple[Any, ...] | None = None
    ref: str | None = None  #: the entity type that its value, an id, names
    items: "FieldType | None" = None  #: of an array
    required: bool = False


class EntityType(_Definition, frozen=True, kw_only=True):
    """The fields of an entity type."""

    fields: dict[str, FieldType] = {}
    id_field: str | None = None  #: the field that repeats the entity's id
    closed: bool = True  #: it has no fields but these


class LedgerSchema(_Definition, frozen=True, kw_only=True):
    """The entity types and flags of a world."""

    entities: dict[str, EntityType] = {}
    flags: tuple[str, ...] | None = None  #: names, or beginnings that end with `*`; None: any


class Condition(_Definition, frozen=True, kw_only=True):
    """A comparison of a field with a value. `field` may be a path: "$args.amount", "$order.total"."""

    field: str
    cmp: Comparison = Comparison.EQ
    value: Any = True  #: see `titan.world.values`


class Binding(_Definition, frozen=True, kw_only=True):
    """An argument that names an entity, which conditions, effects and responses reach under a name."""

    arg: str  #: the argument, or a path: "$order.customer_id"
    entity_type: str
    name: str | None = None  #: by default the entity type


class ErrorAnswer(_Definition, frozen=True, kw_only=True):
    """The answer of a tool that refuses: `message` may contain values in braces."""

    message: str
    code: str = "refused"


class Contains(_Definition, frozen=True, kw_only=True):
    """An argument that has to be an element of an entity's field, or all of whose elements have to be."""

    param: str
    field: str


class Precondition(_Definition, frozen=True, kw_only=True):
    """A condition for a tool's effects; where it is not met, the tool answers `error`."""

    error: ErrorAnswer
    entity_type: str | None = None  #: with `id_from`: the entity that is looked at; None: only bound ones are
    id_from: Any = None
    require: Literal["match", "absent"] = "match"
    where: tuple[Condition, ...] = ()
    contains: Contains | None = None


class LedgerRead(_Definition, frozen=True, kw_only=True):
    """An answer read from the ledger."""

    op: Literal["get", "list"]
    entity_type: str
    id_from: Any = None  #: of `get`
    where: tuple[Condition, ...] = ()  #: a condition whose value is an argument that was not given is left out
    project: dict[str, str] | None = None  #: field of the answer: field of the entity ("id" is its id); None: all
    order_by: str | None = None  #: a field; "-field" for descending; by id where equal
    limit: int | None = None
    wrap: str | None = None  #: the key of the list in the answer
    not_found: ErrorAnswer | None = None  #: of `get`


class When(_Definition, frozen=True, kw_only=True):
    """The condition of an effect: exactly one comparison."""

    field: str
    eq: Any = UNSET
    neq: Any = UNSET
    exists: bool | UnsetType = UNSET
    empty: bool | UnsetType = UNSET


class MapSet(_Definition, frozen=True, kw_only=True):
    """A change of one member of a field that is an object: `value`, or `delta` added to the number there."""

    key: Any  #: of the object's member
    member: str | None = None  #: of that member's own object
    value: Any = UNSET
    delta: Any = UNSET


class Effect(_Definition, frozen=True, kw_only=True):
    """A change of the ledger."""

    op: Literal["add", "update", "remove", "set_flag"]
    entity_type: str | None = None
    id_from: Any = None  #: "order_id", "$args.order_id", "$.a.b" of the response; {"next": "BK-"}: a new one
    field_map: dict[str, Any] = {}  #: field: its value
    increment: dict[str, Any] = {}  #: field: the number that is added
    decrement: dict[str, Any] = {}
    list_append: dict[str, Any] = {}
    list_remove: dict[str, Any] = {}
    map_set: dict[str, MapSet] = {}
    flags: tuple[str, ...] = ()  #: "order_cancelled:{order_id}"
    when: When | None = None
    on_error: Literal["skip", "apply"] = "skip"  #: whether it happens when the response is an error


class Tool(_Definition, frozen=True, kw_only=True):
    """A tool that agents call."""

    name: str
    description: str = ""
    input_schema: dict[str, Any] = field(default_factory=lambda: {"type": "object"})
    output_schema: dict[str, Any] | None = None
    mode: Mode = Mode.SIMULATED
    endpoint: str | None = None  #: the registered endpoint of a passthrough
    ledger_write_policy: WritePolicy = WritePolicy.RECORD_ONLY
    access: Access | None = None  #: of a simulated tool; None: both
    bindings: tuple[Binding, ...] = ()
    preconditions: tuple[Precondition, ...] = ()
    ledger_read: LedgerRead | None = None
    effects: tuple[Effect, ...] = ()
    response: Any = UNSET  #: of a declared write; by default the entity of its first effect as it is then
    owners: tuple[str, ...] = ()  #: sub-agents to which it belongs

    @property
    def is_declared(self) -> bool:
        """Whether the world answers the tool without a model."""
        return self.ledger_read is not None or bool(self.effects) or self.response is not UNSET


class RuleMatch(_Definition, frozen=True, kw_only=True):
    """The calls that a failure rule applies to: all members must hold. Counts are of calls that meet the others."""

    nth: int | None = None  #: only that one; 1 is the first
    first: int | None = None  #: the first so many
    after: int | None = None  #: all after the first so many
    every: int | None = None  #: each so many
    args: dict[str, Any] = {}  #: path in the arguments: the value there
    flag: str | None = None  #: a flag that is set
    entity: "EntityMatch | None" = None
    turn: int | None = None  #: of a conversation; 0 is the first
    probability: float | None = None  #: from 0 to 1
    seed: int = 0  #: of the probability


class EntityMatch(_Definition, frozen=True, kw_only=True):
    """An entity that meets conditions."""

    entity_type: str
    id: str | None = None  #: None: any one
    where: tuple[Condition, ...] = ()


class RuleAction(_Definition, frozen=True, kw_only=True):
    """The failure that replaces the tool's answer."""

    type: Literal["error", "response", "timeout", "latency", "malformed"]
    status: int = 500  #: of an error, as the tool's service would answer
    body: Any = None
    delay_ms: int = 0


class FailureRule(_Definition, frozen=True, kw_only=True):
    """A rule that injects a failure."""

    trigger: Literal["tool_call", "any_tool_call", "flag_set", "entity_state", "turn"]
    action: RuleAction
    id: str = ""  #: by default its place: "rule-1"
    tool: str | None = None
    match: RuleMatch = RuleMatch()
    max_fires: int | None = None
    ops: tuple[Operation, ...] = ()
    scope: Literal["session", "turn"] = "session"  #: over what its counts go


class World(_Definition, frozen=True, kw_only=True):
    """A simulated environment."""

    name: str
    description: str = ""
    policy: str = ""  #: rules of the business, which the agent is given
    behavior_instructions: str = ""  #: how the environment behaves; never shown to the agent
    consistency: Consistency = Consistency.OBSERVE
    ledger: LedgerSchema = LedgerSchema()
    initial_state: InitialState = InitialState()
    tools: tuple[Tool, ...] = ()

    def tool(self, name: str) -> Tool | None:
        """Return a tool by its name."""
        return next((one for one in self.tools if one.name == name), None)


class TaskSeed(_Definition, frozen=True, kw_only=True):
    """The definition of a task, frozen when it is created. Only the instruction is sent to the agent."""

    user_instruction: str
    behavior_instructions: str = ""
    initial_state: InitialState = InitialState()
    failure_rules: tuple[FailureRule, ...] = ()
    expected_outcome: str = ""
    expected_outcome_detail: str = ""  #: ground truth for the judge alone
    current_state: dict[str, Any] = {}  #: context that the agent is given beside the instruction
