"""The codec on the Hugging Face hub: what `ModelHubMixin` gives, with this project's files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from huggingface_hub import HfApi, ModelHubMixin

from llm_codec import atomic

CARD = "README.md"
_TEMPLATE = """---
{{ card_data }}
---

Audio as words of a frozen language model ([paper]({{ paper_url }})), for `llm-codec`:

```python
from llm_codec import LLMCodec

codec = LLMCodec.from_pretrained("owner/name")  # this repository
```
"""


class HubMixin(
    ModelHubMixin,
    library_name="llm-codec",
    pipeline_tag="audio-to-audio",
    tags=["audio", "codec"],
    model_card_template=_TEMPLATE,
    paper_url="https://arxiv.org/abs/2406.10056",
):
    """Adds `push_to_hub` and a model card to a codec that saves and loads itself.

    Saving and loading stay with the codec: the mixin's own write no fingerprints, load weights
    that fit in part, and fall back to pickle.
    """

    def push_to_hub(
        self,
        repo_id: str,
        *,
        dtype: torch.dtype | None = torch.float16,
        commit_message: str = "Push codec",
        private: bool | None = None,
        token: str | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
        **patterns: list[str] | str,
    ) -> str:
        """Save the codec and upload it in one commit.

        Args:
            repo_id: ``owner/name``; made if missing.
            dtype: of the weights, as for ``save_pretrained``.
            commit_message: of the commit.
            private: whether a new repository is private; None takes the owner's default.
            token: of the account; None takes the one of ``hf auth login``.
            branch: to push to; None means ``main``.
            create_pr: open a pull request instead.
            patterns: ``allow_patterns``, ``ignore_patterns`` and ``delete_patterns`` of
                `huggingface_hub.HfApi.upload_folder`.

        Returns:
            URL of the commit.

        Raises:
            OSError: the hub cannot be reached or refuses.
        """
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder, dtype)
            return upload(folder, repo_id, private, token, commit_message=commit_message,
                          revision=branch, create_pr=create_pr, **patterns)

    def write_card(self, folder: Path) -> None:
        """Writes a model card unless the folder has one."""
        if not (folder / CARD).exists():
            atomic.write_bytes(folder / CARD, str(self.generate_model_card()).encode())


def upload(
    folder: str | Path, repo_id: str, private: bool | None, token: str | None, **options: object
) -> str:
    """Uploads a folder to a model repository, made if missing; returns the commit's URL."""
    api = HfApi(token=token)
    repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
    return str(api.upload_folder(repo_id=repo_id, folder_path=str(folder), **options))
