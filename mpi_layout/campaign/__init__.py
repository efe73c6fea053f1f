"""What is asked: a YAML file becomes a checked, frozen campaign and its configs."""

from mpi_layout.campaign.campaign import (
    Campaign,
    campaign_schema,
    load_campaign,
    parse_campaign,
    starter_text,
)
from mpi_layout.campaign.compare import first_difference
from mpi_layout.campaign.configs import Config, Configs, Kind
from mpi_layout.campaign.schema import FailureLimit

__all__ = [
    "Campaign",
    "Config",
    "Configs",
    "FailureLimit",
    "Kind",
    "campaign_schema",
    "first_difference",
    "load_campaign",
    "parse_campaign",
    "starter_text",
]
