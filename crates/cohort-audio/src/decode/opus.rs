//! Opus packets to samples (RFC 6716), with the header of RFC 7845.

use opus_decoder::OpusMultistreamDecoder;

/// Opus decodes to this rate, whatever the sound had.
pub(super) const RATE: u32 = 48_000;
/// Longest packet: 120 ms.
const MOST_FRAMES: usize = 5_760;

/// A decoder and what its header says.
pub(super) struct Opus {
    decoder: OpusMultistreamDecoder,
    channels: usize,
    /// Samples to drop at the beginning.
    pub(super) pre_skip: u64,
    gain: f32,
    buffer: Vec<i16>,
}

impl Opus {
    /// `header`: an identification header, OpusHead. `little_endian`: as in Ogg and Matroska; MP4 has its
    /// numbers the other way round.
    pub(super) fn new(header: &[u8], little_endian: bool) -> Result<Self, String> {
        let damaged = || "a damaged Opus header".to_owned();
        let head = header.strip_prefix(b"OpusHead").ok_or_else(damaged)?;
        let short = |at: usize| -> Option<u16> {
            let bytes = head.get(at..at + 2)?.try_into().ok()?;
            Some(if little_endian {
                u16::from_le_bytes(bytes)
            } else {
                u16::from_be_bytes(bytes)
            })
        };
        let channels = usize::from(*head.get(1).ok_or_else(damaged)?);
        let pre_skip = u64::from(short(2).ok_or_else(damaged)?);
        // Decibels in steps of 1/256.
        let gain = f32::from(short(8).ok_or_else(damaged)? as i16) / 256.0;
        let family = *head.get(10).ok_or_else(damaged)?;
        let stereo = [0, 1];
        let (streams, coupled, mapping) = if family == 0 {
            if !(1..=2).contains(&channels) {
                return Err(format!("Opus with {channels} channels of mapping family 0"));
            }
            (1, channels - 1, &stereo[..channels])
        } else {
            let mapping = head.get(13..13 + channels).ok_or_else(damaged)?;
            (usize::from(head[11]), usize::from(head[12]), mapping)
        };
        let decoder = OpusMultistreamDecoder::new(RATE, channels, streams, coupled, mapping)
            .map_err(|error| format!("an Opus header that is not valid: {error}"))?;
        Ok(Self {
            decoder,
            channels,
            pre_skip,
            gain: 10_f32.powf(gain / 20.0),
            buffer: vec![0; MOST_FRAMES * channels],
        })
    }

    /// Decodes a packet to interleaved samples and gives the number of channels.
    pub(super) fn decode(&mut self, packet: &[u8], out: &mut Vec<f32>) -> Result<usize, String> {
        out.clear();
        // An empty packet stands for a lost one, of the length of the last.
        let frames = self
            .decoder
            .decode(packet, &mut self.buffer, false)
            .map_err(|error| error.to_string())?;
        let scale = self.gain / 32_768.0;
        let samples = &self.buffer[..frames * self.channels];
        out.extend(samples.iter().map(|s| f32::from(*s) * scale));
        Ok(self.channels)
    }
}
