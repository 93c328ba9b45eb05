"""Two documents and questions so hard that the language model may search for itself."""

from tests.api.conftest import Collection

HARD = (
    "Why could the founder of the mill, although she had sold her boats, still pay the architect "
    "of the bridge after the flood, and what did that lead to?"
)
HARD_ENOUGH = "Who built the bridge, and could the founder of the mill pay for it?"
MILL = "The mill was founded by Greta Holm."
BRIDGE = "Ole Brandt built a crossing over the river Elm for nine hundred crowns."


def upload_mill(collection: Collection) -> None:
    """Have both documents in a collection."""
    collection.upload(("mill.txt", MILL), document_id="mill")
    collection.upload(("bridge.txt", BRIDGE), document_id="bridge")
