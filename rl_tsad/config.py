"""Every setting of the platform, with its default: one frozen dataclass a room (read by :mod:`rl_tsad.settings`)."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from pydantic_settings import BaseSettings, SettingsConfigDict

from rl_tsad.access_config import AccessConfig
from rl_tsad.decision_config import AgentConfig, BeliefConfig, ControlConfig, CostConfig, PolicyConfig
from rl_tsad.errors import ConfigError
from rl_tsad.language_config import LanguageConfig
from rl_tsad.setting_types import Count, Flag, Fraction, Generators, Member, Members, PatchLength, Rule, StreamRule
from rl_tsad.work import AnswerSeconds, WorkConfig

_STRICT = ConfigDict(extra="forbid")
Protocol = Literal["past_future", "unseen"]
MEMBERS: tuple[Member, ...] = get_args(Member)
STREAM_RULES: tuple[StreamRule, ...] = get_args(StreamRule)


@dataclass(frozen=True, config=_STRICT)
class WindowConfig:
    """How a series is cut (see :func:`rl_tsad.types.slide`).

    Attributes:
        length: points per window; the context that a decision may look at.
        stride: points that one decision covers.
        gap_factor: a step between two times longer than this many median steps is a recording gap.
    """

    length: Annotated[int, Field(ge=2)] = 64
    stride: Count = 8
    gap_factor: Annotated[float, Field(gt=1.0)] = 10.0

    def __post_init__(self) -> None:
        if self.stride > self.length:
            raise ConfigError(
                f"expected window.stride <= window.length, got {self.stride} > {self.length}; a window cannot decide "
                "more points than it has"
            )


@dataclass(frozen=True, config=_STRICT)
class SplitConfig:
    """Which windows may be asked and trained on (the pool) and which are only ever evaluated (the test).

    Attributes:
        protocol: ``past_future`` cuts each series in time; ``unseen`` keeps whole series for the test.
        pool_fraction: the earlier share of each series (or the share of series) that forms the pool; 1 leaves no test,
            as in daily use.
        gap_windows: windows' lengths left out between pool and test.
    """

    protocol: Protocol = "past_future"
    pool_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    gap_windows: Annotated[int, Field(ge=0)] = 1


@dataclass(frozen=True, config=_STRICT)
class MemoryConfig:
    """The usual patches of a series: remembered ones and principal directions.

    Attributes:
        lengths: points per patch that the members memory and rest_memory remember; one memory each.
        size: patches that a memory remembers at most.
        subspaces: points per patch whose principal directions the members subspace and rest_subspace learn.
    """

    lengths: tuple[PatchLength, ...] = (16, 64)
    size: Count = 1024
    subspaces: tuple[PatchLength, ...] = (16, 64)


@dataclass(frozen=True, config=_STRICT)
class TextureConfig:
    """Distance of a patch's embedding from the usual ones, in the spirit of PaAno (Park & Kang, arXiv 2602.01359).

    Attributes:
        lengths: points per patch of the members texture and rest_texture, each with an embedding of its own.
        layers: channels of the embedding's four convolutions; the last is the size of an embedding.
        size: usual embeddings that are kept at most.
        steps: updates of the convolutions; 0 keeps them as drawn, which was no worse on the validation series.
        batch: patches per update of the convolutions.
        learning_rate: learning rate of the optimiser AdamW that updates the convolutions.
        margin: cosine distance by which a far patch is to be farther than a near one.
    """

    lengths: tuple[PatchLength, ...] = (32, 64)
    layers: tuple[Count, Count, Count, Count] = (128, 256, 128, 64)
    size: Count = 256
    steps: Annotated[int, Field(ge=0)] = 0
    batch: Count = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    margin: Annotated[float, Field(gt=0)] = 0.5


@dataclass(frozen=True, config=_STRICT)
class MixtureConfig:
    """How often each of ASTER's generators is asked for pseudo-anomalies; weights, normalised to sum to 1; 0 is off.

    Attributes:
        latent: weight (0 is off) of a decoder over sampled codes, taught by the classifier's reversed gradient.
        shuffle: weight (0 is off) of points, patches or channels in another order.
        jitter: weight (0 is off) of noise, down to single spikes.
        frequency: weight (0 is off) of stretches that are faster, slower, smoothed or oscillating.
        trend: weight (0 is off) of level shifts, ramps, stuck values and other amplitudes.
        swap: weight (0 is off) of a target channel taken from elsewhere.
        program: weight (0 is off) of programs registered from Python with ``register_program`` of
            ``rl_tsad.detector.aster.generators.program``; above 0 it needs one.
    """

    latent: Annotated[float, Field(ge=0)] = 1.0
    shuffle: Annotated[float, Field(ge=0)] = 1.0
    jitter: Annotated[float, Field(ge=0)] = 1.0
    frequency: Annotated[float, Field(ge=0)] = 1.0
    trend: Annotated[float, Field(ge=0)] = 1.0
    swap: Annotated[float, Field(ge=0)] = 1.0
    program: Annotated[float, Field(ge=0)] = 0.0


@dataclass(frozen=True, config=_STRICT)
class AsterConfig:
    """ASTER (Hermary et al., arXiv 2604.13924): patch VAE, a pool of generators, a classifier of real and generated.

    Attributes:
        patch: points per patch, the unit that ASTER encodes.
        latent: numbers in a patch's code.
        width: size of a token in ASTER's Transformers.
        depth: layers of each of ASTER's Transformers.
        heads: attention heads of each layer; they divide the width.
        classifier: what tells real patches from generated ones: transformer, mlp or linear.
        context: language model that reads the patches: off, frozen (as it is) or lora (tuned; its extra is ``lora``).
        context_model: folder or hub name of that language model; the embedded MiniLM when absent.
        context_layers: how many first layers of the language model are used.
        steps: updates of ASTER's training at most; most of the cost of a first training.
        batch: real windows per update, and as many generated ones.
        learning_rate: learning rate of the optimiser Adam in ASTER's training.
        beta: weight of the codes' divergence from the prior beside the reconstruction.
        reversal: how strongly the classifier's reversed gradient drives the latent generator.
        diversity: weight of the loss that keeps samples of the latent generator from being alike.
        hardness: from 0 to 1; higher makes generated anomalies smaller and shorter.
        mixture: the generators' weights.
        held_out: generators kept out of the training, of latent, shuffle, jitter, frequency, trend, swap and program:
            they choose the best step and calibrate the probability. Where none is given, the training ones do.
        balance: whether ASTER's losses are weighed by their uncertainty (Kendall et al., 2018) or simply summed.
    """

    patch: Count = 8
    latent: Count = 8
    width: Count = 32
    depth: Count = 2
    heads: Count = 2
    classifier: Literal["transformer", "mlp", "linear"] = "transformer"
    context: Literal["off", "frozen", "lora"] = "off"
    context_model: str | None = None
    context_layers: Count = 2
    steps: Count = 200
    batch: Count = 128
    learning_rate: Annotated[float, Field(gt=0)] = 5e-3
    beta: Annotated[float, Field(ge=0)] = 0.1
    reversal: Annotated[float, Field(ge=0)] = 0.5
    diversity: Annotated[float, Field(ge=0)] = 0.1
    hardness: Fraction = 0.5
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    held_out: tuple[Generators, ...] = ("frequency",)
    balance: Flag = True


@dataclass(frozen=True, config=_STRICT)
class RehearsalConfig:
    """Copies of each series' own pool with written anomalies: labelled windows before anybody has answered.

    Attributes:
        copies: how often each series' pool is copied, each time with other written anomalies; 0 turns that off.
        most: windows of all such copies together; above it there are fewer (two at least), then shorter ones.
        apart: windows of such a copy to one written anomaly.
    """

    copies: Annotated[int, Field(ge=0)] = 4
    most: Count = 16_000
    apart: Count = 80


@dataclass(frozen=True, config=_STRICT)
class DetectorConfig:
    """The label-free side: an ensemble of rules on single points and patches, and of ASTER's two networks.

    Attributes:
        memory: usual patches.
        texture: their convolutional embedding.
        aster: networks.
        rehearsal: labelled windows to learn from.
        members: members of the ensemble that make the label-free score, each once, of robust, neighbours, memory,
            rest_memory, subspace, rest_subspace, texture, rest_texture, spectral, roughness, vae and aster. The agent
            sees all of them; those that lowered the score on the validation series are off by default.
        healthy: whether the pool is known to hold no anomalies, such as a recording from after the commissioning. All
            that it shows then counts as usual; else a stretch of it must resemble others to do so.
        trial: whether a member's weight is settled on anomalies written into the end of the series' own pool; else all
            members weigh the same.
        folds: stretches of each series' pool, each of which is judged by what the others taught, as its future will be;
            it is learnt as many times. 1 judges the pool by what it taught itself only.
    """

    memory: MemoryConfig = field(default_factory=MemoryConfig)
    texture: TextureConfig = field(default_factory=TextureConfig)
    aster: AsterConfig = field(default_factory=AsterConfig)
    rehearsal: RehearsalConfig = field(default_factory=RehearsalConfig)
    members: Members = ("rest_memory", "subspace", "texture", "rest_texture", "roughness")
    healthy: Flag = False
    trial: Flag = True
    folds: Count = 8


@dataclass(frozen=True, config=_STRICT)
class StreamConfig:
    """How rules decide that walk the pool window by window (see :mod:`rl_tsad.active.stream`).

    Attributes:
        margin: ``decay`` asks up to this margin while questions and windows run out alike.
        pace: how strongly its threshold follows what is left of both; at 0 it is fixed.
        step: share by which the threshold of ``spend`` changes with each decision.
        lately: decisions over which it estimates what was spent.
        memory: windows that ``quantile`` looks back on.
        tolerance: questions too few that make ``quantile`` ask anything.
    """

    margin: Fraction = 0.6
    pace: Annotated[float, Field(ge=0.0)] = 1.0
    step: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    lately: Count = 30
    memory: Count = 100
    tolerance: Annotated[float, Field(gt=0.0)] = 5.0


@dataclass(frozen=True, config=_STRICT)
class ActiveConfig:
    """What is asked next and how an answer spreads.

    Attributes:
        batch: questions per round.
        budget: questions that the project means to spend; the agent sees which share is left.
        budget_seconds: seconds of people's time that it means to spend, if that is limited too (see ``seconds``).
        rule: how questions are picked: ``mixed`` by the shares below, ``margin``, ``top`` or ``diverse`` by one of them
            alone, ``gain`` by what an answer earned on simulated plants, ``decay``, ``spend`` or ``quantile`` window by
            window as in a stream.
        margin, top, diverse: shares of a mixed batch picked by smallest margin, highest score and greatest distance;
            they are normalised to sum to 1.
        stream: settings of the rules that walk.
        spacing: windows of one series between two questions of one batch.
        events: whether a question is about a stretch that may be an event, whose ends the analyst marks; else about one
            window.
        reach: windows to either side of the asked one that a proposed event may cover, and that are shown beyond it.
        overlap: how many different people are asked the same question; where they differ, a reviewer decides.
        overlap_share: share of the questions that so many people are asked; the others one person is asked.
        controls: share of what each person is asked that a reviewer set beforehand, to see how people answer.
        seconds: what an answer of each kind costs.
        neighbours: k of the kNN graph.
        alpha: share of a window's label that comes from its neighbours, below 1.
        mutual: whether windows are look-alikes only where each is among the other's k nearest.
        confidence: spread labels below this confidence stay unknown.
        precision: share of right ones that spread labels must have; where the answers, each predicted without itself,
            say that they have less, more confidence is asked for, or nothing is spread.
        anomaly_doubt: how much more support an anomalous label needs to spread than a normal one; answers overstate
            anomalies, since questions are picked where they are likely.
    """

    batch: Count = 20
    budget: Count = 200
    budget_seconds: Annotated[float, Field(gt=0)] | None = None
    rule: Rule = "mixed"
    margin: Fraction = 0.4
    top: Fraction = 0.4
    diverse: Fraction = 0.2
    stream: StreamConfig = field(default_factory=StreamConfig)
    spacing: Annotated[int, Field(ge=0)] = 2
    events: Flag = True
    reach: Annotated[int, Field(ge=0)] = 12
    overlap: Annotated[int, Field(ge=1, le=20)] = 1
    overlap_share: Fraction = 1.0
    controls: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    seconds: AnswerSeconds = field(default_factory=AnswerSeconds)
    neighbours: Count = 10
    mutual: Flag = False
    alpha: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    confidence: Fraction = 0.4
    precision: Fraction = 0.9
    anomaly_doubt: Annotated[float, Field(ge=1.0)] = 4.0


class Settings(BaseSettings):
    """All settings of a workspace.

    Example:
        >>> Settings().window.length
        64
    """

    model_config = SettingsConfigDict(
        env_prefix="RL_TSAD_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    seed: int = 0
    database: str | None = Field(default=None, description="SQLAlchemy URL; store.db in the workspace when absent")
    window: WindowConfig = Field(default_factory=WindowConfig)
    split: SplitConfig = Field(default_factory=SplitConfig)
    detector: DetectorConfig = Field(default_factory=DetectorConfig)
    language: LanguageConfig = Field(default_factory=LanguageConfig)
    agent: AgentConfig = Field(default_factory=AgentConfig)
    policy: PolicyConfig = Field(default_factory=PolicyConfig)
    belief: BeliefConfig = Field(default_factory=BeliefConfig)
    costs: CostConfig = Field(default_factory=CostConfig)
    control: ControlConfig = Field(default_factory=ControlConfig)
    active: ActiveConfig = Field(default_factory=ActiveConfig)
    work: WorkConfig = Field(default_factory=WorkConfig)
    access: AccessConfig = Field(default_factory=AccessConfig)
