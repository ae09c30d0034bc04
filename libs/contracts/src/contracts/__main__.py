"""`python -m contracts`: write the schemas of events that changed since they were last exported."""

from contracts.events import EVENTS
from contracts.schemas import export

if __name__ == "__main__":
    for path in export(EVENTS):
        print(f"{path.parent.name} {path.name}")
