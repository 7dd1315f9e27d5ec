//! A sound in time, and where analysis frames lie in it.

/// A sound as these analyses see it: sample `i` at `(i + 0.5) / rate` seconds.
#[derive(Clone, Copy)]
pub(crate) struct Wave<'a> {
    pub samples: &'a [f32],
    pub rate: f64,
}

impl Wave<'_> {
    pub(crate) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / self.rate
    }

    /// Fractional index of the sample at `time`.
    pub(crate) fn index(&self, time: f64) -> f64 {
        // In this order, since frames often start exactly between two samples.
        let step = 1.0 / self.rate;
        (time - 0.5 * step) / step
    }

    pub(crate) fn time(&self, index: f64) -> f64 {
        (index + 0.5) / self.rate
    }

    /// The sample at `index`; zero outside.
    pub(crate) fn at(&self, index: i64) -> f64 {
        usize::try_from(index)
            .ok()
            .and_then(|i| self.samples.get(i))
            .map_or(0.0, |s| f64::from(*s))
    }
}

/// Centres of analysis frames `step` apart whose windows of `window` seconds fit into the sound,
/// placed symmetrically: number of frames and time of the first. None fit: zero.
pub(crate) fn frame_times(seconds: f64, window: f64, step: f64) -> (usize, f64) {
    let room = (seconds - window) / step;
    if room < 0.0 {
        return (0, 0.0);
    }
    let frames = room.floor() as usize + 1;
    (
        frames,
        seconds / 2.0 - frames as f64 * step / 2.0 + step / 2.0,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_lie_symmetrically() {
        assert_eq!(frame_times(0.1, 0.2, 0.01), (0, 0.0));
        let (frames, first) = frame_times(1.0, 0.04, 0.01);
        assert_eq!(frames, 97);
        let last = first + 96.0 * 0.01;
        assert!((first - (1.0 - last)).abs() < 1e-12 && first >= 0.02);
    }
}
