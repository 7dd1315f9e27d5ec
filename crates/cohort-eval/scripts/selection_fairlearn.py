"""Selection rates and demographic parity by Fairlearn, as golden values for tests/selection.rs.

    python3 -m venv VENV && VENV/bin/pip install "fairlearn==0.15.0" "scikit-learn==1.9.1" pandas
    VENV/bin/python scripts/selection_fairlearn.py > tests/golden/selection.json

The sample is made here and written with its values.
"""

import json

import fairlearn
import numpy as np
import pandas as pd
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    selection_rate,
)

draw = np.random.default_rng(29)
rows = []
for subject in range(48):
    sex = "fm"[draw.integers(2)]
    region = ["east", "north", "west"][draw.integers(3)]
    for clip in range(draw.integers(1, 5)):
        truth = int(draw.random() < (0.55 if sex == "m" else 0.4))
        wanted = 0.7 if truth else 0.25
        predicted = int(draw.random() < wanted + (0.1 if region == "west" else -0.05))
        rows.append((f"s{subject}.{clip}", f"s{subject}", sex, region, truth, predicted))
table = pd.DataFrame(rows, columns=["clip", "subject", "sex", "region", "truth", "predicted"])

values = {}
for column in ["sex", "region"]:
    given = {"y_true": table.truth, "y_pred": table.predicted, "sensitive_features": table[column]}
    frame = MetricFrame(metrics=selection_rate, **given)
    values[column] = {
        "selection_rate": {group: float(rate) for group, rate in frame.by_group.items()},
        "demographic_parity_difference": float(demographic_parity_difference(**given)),
        "demographic_parity_ratio": float(demographic_parity_ratio(**given)),
    }

print(
    json.dumps(
        {
            "made_by": f"scripts/selection_fairlearn.py, fairlearn {fairlearn.__version__}",
            "rows": rows,
            "selection_rate": float(selection_rate(table.truth, table.predicted)),
            "values": values,
        },
        default=int,
    )
)
