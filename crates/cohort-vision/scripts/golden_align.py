"""The similarity that takes five landmarks to the template of aligned faces, for src/align.rs.

pip install numpy

Umeyama (1991), eqs. 34 to 43, by a singular value decomposition; prints a, b, c, d of the inverse map
(x, y) -> (a x - b y + c, b x + a y + d).
"""

import numpy as np

template = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
landmarks = np.array([[120.5, 80.25], [171.0, 92.0], [139.0, 118.5], [112.0, 139.0], [160.25, 151.75]])

of, onto = landmarks.mean(0), template.mean(0)
covariance = (template - onto).T @ (landmarks - of) / 5
u, d, vt = np.linalg.svd(covariance)
sign = np.diag([1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
rotation = u @ sign @ vt
scale = np.trace(np.diag(d) @ sign) / ((landmarks - of) ** 2).sum(1).mean()
forward = np.eye(3)
forward[:2, :2] = scale * rotation
forward[:2, 2] = onto - scale * rotation @ of
back = np.linalg.inv(forward)
print([back[0, 0], back[1, 0], back[0, 2], back[1, 2]])
