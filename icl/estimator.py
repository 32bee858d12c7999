"""What scikit-learn asks of an estimator, without importing scikit-learn."""

from __future__ import annotations

import inspect
from typing import Any, Self


class Estimator:
    """Parameters by name, cloning and tags, for a class whose constructor only stores arguments."""

    _estimator_type: str | None = None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments by name, as scikit-learn expects."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments; `fit` again afterwards."""
        known = self.get_params()
        if unknown := sorted(set(params) - set(known)):
            raise ValueError(f"no parameter is called {unknown}; there are {sorted(known)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_clone__(self) -> Self:
        """An unfitted twin that shares the frozen models instead of copying them."""
        return type(self)(**self.get_params())

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if self._estimator_type == "classifier" else None,
            input_tags=InputTags(two_d_array=False, string=True),
        )
