"""The topics of MQTT contract v1, spelled in this one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics of one device; names were checked by settings to be single topic levels."""

    site: str
    device: str

    @property
    def root(self) -> str:
        """Everything this device says is below this."""
        return f"aal/v1/{self.site}/{self.device}"

    @property
    def client_id(self) -> str:
        """How this device calls itself towards the broker."""
        return f"gatehouse-{self.site}-{self.device}"

    @property
    def status(self) -> str:
        """Retained: online, stopped, or offline (the will)."""
        return f"{self.root}/status"

    @property
    def heartbeat(self) -> str:
        """Not retained: proof of inference."""
        return f"{self.root}/heartbeat"

    @property
    def fault(self) -> str:
        """Retained: what is broken now."""
        return f"{self.root}/fault"

    @property
    def privacy(self) -> str:
        """Retained: what is being watched and whether it is recorded."""
        return f"{self.root}/privacy"

    def health(self, room: str) -> str:
        """Retained: state of each modality."""
        return f"{self.root}/room/{room}/health"

    def activity(self, room: str) -> str:
        """Retained: what is going on."""
        return f"{self.root}/room/{room}/activity"

    def alarm(self, room: str, alarm_id: str) -> str:
        """Retained until the alarm is closed, then cleared."""
        return f"{self.root}/room/{room}/alarm/{alarm_id}"

    def event(self, room: str) -> str:
        """Not retained: every transition of every alarm."""
        return f"{self.root}/room/{room}/event"

    @property
    def all_alarms(self) -> str:
        """A filter: this device's retained alarms."""
        return f"{self.root}/room/+/alarm/+"

    @property
    def everything(self) -> str:
        """A filter: all this device says."""
        return f"{self.root}/#"
