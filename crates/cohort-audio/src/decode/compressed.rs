//! What Symphonia demuxes and decodes (Opus is decoded by a library of its own), each in a place where a
//! panic is caught.

use std::io::{Seek, SeekFrom};
use std::path::Path;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_AC3, CODEC_ID_ALAC, CODEC_ID_ATRAC1, CODEC_ID_ATRAC3, CODEC_ID_COOK,
    CODEC_ID_DCA, CODEC_ID_EAC3, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_MUSEPACK,
    CODEC_ID_OPUS, CODEC_ID_TRUEHD, CODEC_ID_TTA, CODEC_ID_VORBIS, CODEC_ID_WAVPACK,
};
use symphonia::core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, Track};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use super::container::Kind;
use super::decoded::Decoded;
use super::ending::{self, Ending};
use super::guard::guarded;
use super::opus::{self, Opus};
use super::samples::Mono;
use super::source::Window;
use super::{lengths, mp4, mpeg};
use crate::{AudioError, Sound};

/// Frames that may be missing from the length a container states: encoders round it to packets.
const LENGTH_SLACK: u64 = 4_608;
/// Priming of an AAC encoder when no edit list states it, samples.
const AAC_PRIMING: u64 = 1_024;

/// What is known of the sound before it is decoded.
#[derive(Debug, Default)]
struct Known {
    /// Samples at the start that are no part of the recording, and in units of how many a second.
    edit: Option<(u64, u32)>,
    he_aac: bool,
    /// MPEG audio: what its headers tell.
    mpeg: Option<mpeg::Count>,
    ending: Ending,
}

pub(super) fn read(
    name: &Path,
    mut file: Window,
    kind: Kind,
    mut warnings: Vec<String>,
) -> Result<Decoded, AudioError> {
    let io = |source| AudioError::Read {
        file: name.to_owned(),
        source,
    };
    let mut known = Known::default();
    let mut movie = mp4::Movie::default();
    if kind == Kind::Mp4 {
        movie = mp4::look(&mut file).map_err(io)?;
        if !movie.found {
            let found = "no table of contents (moov): the file is cut short or was not finished";
            return Err(AudioError::decode(name, "an MP4 file", found));
        }
        if !movie.sound {
            let found = match &movie.refused[..] {
                [] => "no sound track".to_owned(),
                kinds => kinds.join(", "),
            };
            return Err(AudioError::decode(
                name,
                "AAC, ALAC, FLAC, Opus, MP3 or PCM sound in MP4",
                found,
            ));
        }
        known.edit = movie.edit.map(|edit| (edit, movie.timescale));
        known.he_aac = movie.he_aac;
    }
    known.ending = ending::look(&mut file, kind, &movie)
        .map_err(io)?
        .checked(name)?;
    warnings.append(&mut known.ending.warnings);
    movie.patches.append(&mut known.ending.patches);
    file = file.patched(movie.patches);
    if kind == Kind::Adts
        && let Some((there, length)) = mpeg::adts_cut(&mut file).map_err(io)?
    {
        warnings.push(format!(
            "the last frame has {there} of its {length} bytes: the file is cut short; \
             its whole frames are read"
        ));
    }
    if kind == Kind::Mpeg {
        let start = match mpeg::first_frame(&mut file, 0).map_err(io)? {
            mpeg::First::At(start) => start,
            _ => return Err(AudioError::decode(name, "MPEG audio frames", "none")),
        };
        let end = mpeg::before_tags(&mut file).map_err(io)?;
        file = file.part(start, end.saturating_sub(start)).map_err(io)?;
        known.mpeg = Some(mpeg::count(&mut file).map_err(io)?);
    }
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let sound = guarded(|| Decoding::new(name, kind, file, known, &mut warnings)?.run())
        .unwrap_or_else(|| {
            let found = format!("damage, at which the decoder of {} gave up", kind.name());
            Err(AudioError::decode(name, "a sound file", found))
        })?;
    Ok(Decoded { sound, warnings })
}

/// Who turns packets into samples.
enum Decoder {
    Opus(Box<Opus>),
    Other(Box<dyn AudioDecoder>),
}

/// A file being decoded.
struct Decoding<'a> {
    name: &'a Path,
    kind: Kind,
    format: Box<dyn FormatReader>,
    track: Track,
    decoder: Decoder,
    known: Known,
    warnings: &'a mut Vec<String>,
    mono: Mono,
    rate: u32,
    /// Samples still to be dropped, of Opus.
    skip: u64,
    interleaved: Vec<f32>,
    /// Frames of the longest packet.
    longest: u64,
}

impl<'a> Decoding<'a> {
    fn new(
        name: &'a Path,
        kind: Kind,
        file: Window,
        known: Known,
        warnings: &'a mut Vec<String>,
    ) -> Result<Self, AudioError> {
        let bad = |found: String| {
            AudioError::decode(name, format!("a whole {} file", kind.name()), found)
        };
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let format = kind.open(stream).map_err(|error| match (kind, &error) {
            // the demuxer passes over frames that it does not know
            (Kind::Mpeg, Error::IoError(_)) => bad(
                "frames of a bit rate that the standard does not allow for their channels"
                    .to_owned(),
            ),
            _ => bad(say(&error)),
        })?;
        let (track, decoder) = choose(name, kind, format.as_ref())?;
        let rate = params(&track).and_then(|p| p.sample_rate).unwrap_or(0);
        let stated = match &known.mpeg {
            Some(count) => Some(count.samples),
            None => stated(&track, rate),
        };
        let mono = Mono::new(name, stated, rate)?;
        let skip = match &decoder {
            Decoder::Opus(opus) => opus.pre_skip,
            Decoder::Other(_) => 0,
        };
        Ok(Self {
            name,
            kind,
            format,
            track,
            decoder,
            known,
            warnings,
            mono,
            rate: 0,
            skip,
            interleaved: Vec::new(),
            longest: 0,
        })
    }

    fn run(mut self) -> Result<Sound, AudioError> {
        let (mut packets, mut damaged) = (0_u64, None);
        // What the links of a chained Ogg state, when all do.
        let mut stated = self.stated();
        let mut mode = None;
        loop {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    if self.kind == Kind::Ogg {
                        let warning = "the last page is missing: the file is cut short or was not finished; \
                                       what is there is read";
                        self.warnings.push(warning.to_owned());
                    }
                    break;
                }
                Err(Error::ResetRequired) => {
                    self.next_link()?;
                    stated = stated.zip(self.stated()).map(|(a, b)| a + b);
                    continue;
                }
                Err(error) => {
                    return Err(AudioError::decode(
                        self.name,
                        "the next packet",
                        say(&error),
                    ));
                }
            };
            if packet.track_id != self.track.id {
                continue;
            }
            packets += 1;
            if self.kind == Kind::Mpeg {
                // One stream may go from one channel to two, and back: its decoder takes one kind.
                let now = packet.data.get(3).map(|b| b >> 6 == 3);
                if mode.is_some() && mode != Some(now) {
                    self.decoder = decoder(self.name, self.kind, &self.track)?;
                }
                mode = Some(now);
            }
            match self.decode(&packet) {
                Ok((rate, channels)) => self.take(&packet, packets, rate, channels)?,
                Err(why) => {
                    damaged.get_or_insert((packets, why));
                }
            }
        }
        if let Some((packet, why)) = damaged {
            let found = format!("damage in packet {packet} of {packets}: {why}");
            return Err(AudioError::decode(self.name, "whole packets", found));
        }
        let codec = params(&self.track).map(|p| p.codec);
        if self.known.mpeg.is_some() {
            self.finish_mpeg()?;
        } else {
            self.compare(stated, codec)?;
            self.cut_padding(stated);
        }
        let skip = match self.known.edit {
            Some((edit, scale)) if scale != 0 && scale != self.rate => {
                (u128::from(edit) * u128::from(self.rate) / u128::from(scale)) as u64
            }
            Some((edit, _)) => edit,
            None if codec == Some(CODEC_ID_AAC) => AAC_PRIMING,
            None => 0,
        };
        // Opus has been cut by its own header, which an edit list repeats.
        let skip = if codec == Some(CODEC_ID_OPUS) {
            0
        } else {
            skip
        };
        let samples = &mut self.mono.samples;
        samples.drain(
            ..usize::try_from(skip)
                .unwrap_or(usize::MAX)
                .min(samples.len()),
        );
        if self.known.he_aac {
            self.warnings.push(format!(
                "HE-AAC: its core is read, at {} Hz; what lies above {} Hz is left out",
                self.rate,
                self.rate / 2
            ));
        }
        let sound = Sound {
            samples: self.mono.samples,
            sample_rate: self.rate,
        };
        if self.known.ending.open && !sound.samples.is_empty() {
            self.warnings.push(lengths::nowhere_stated(&sound));
        }
        Ok(sound)
    }

    /// Cuts what the last packet holds beyond the end of the sound, where the container says so beside the packet, or by a
    /// length that ends within it (MP4).
    fn cut_padding(&mut self, stated: Option<u64>) {
        let found = self.mono.samples.len() as u64;
        let before = match &self.decoder {
            Decoder::Opus(opus) => opus.pre_skip,
            Decoder::Other(_) => 0,
        };
        let stated = stated.map(|stated| stated.saturating_sub(before));
        if self.kind == Kind::Mp4
            && let Some(stated) = stated.filter(|_| !self.known.he_aac)
            && found.saturating_sub(stated) < self.longest
        {
            self.mono.samples.truncate(stated as usize);
        }
        let of_track = |(track, _): &&(u64, u64)| *track == u64::from(self.track.id);
        if let Some((_, padding)) = self.known.ending.padding.iter().find(of_track) {
            let frames = u128::from(*padding) * u128::from(self.rate);
            let frames = (frames + 500_000_000) / 1_000_000_000;
            let samples = &mut self.mono.samples;
            let kept = samples.len().saturating_sub(frames as usize);
            samples.truncate(kept);
        }
    }

    /// Frames that the container states for the track now read.
    fn stated(&self) -> Option<u64> {
        // what the track says of Opus is the rate before it was encoded
        let rate = match &self.decoder {
            Decoder::Opus(_) => opus::RATE,
            Decoder::Other(_) => params(&self.track).and_then(|p| p.sample_rate).unwrap_or(0),
        };
        // Matroska states the length of the whole alone, which another track may have.
        if self.kind == Kind::Matroska && self.format.tracks().len() == 1 {
            let media = self.format.media_info();
            return frames(media.duration?.get(), media.time_base?, rate);
        }
        stated(&self.track, rate)
    }

    /// The next of the files that a chained Ogg strings together.
    fn next_link(&mut self) -> Result<(), AudioError> {
        (self.track, self.decoder) = choose(self.name, self.kind, self.format.as_ref())?;
        if let Decoder::Opus(opus) = &self.decoder {
            self.skip = opus.pre_skip;
        }
        Ok(())
    }

    /// One packet to interleaved samples: their rate and the number of channels.
    fn decode(&mut self, packet: &Packet) -> Result<(u32, usize), String> {
        match &mut self.decoder {
            Decoder::Opus(opus) => {
                let channels = opus.decode(&packet.data, &mut self.interleaved)?;
                Ok((opus::RATE, channels))
            }
            Decoder::Other(decoder) => {
                let buffer = decoder.decode(packet).map_err(|error| say(&error))?;
                buffer.copy_to_vec_interleaved(&mut self.interleaved);
                Ok((buffer.spec().rate(), buffer.spec().channels().count()))
            }
        }
    }

    /// Takes over the samples of a packet.
    fn take(
        &mut self,
        packet: &Packet,
        number: u64,
        rate: u32,
        channels: usize,
    ) -> Result<(), AudioError> {
        if channels == 0 || rate == 0 {
            let found = format!("{channels} channels at {rate} Hz in packet {number}");
            return Err(AudioError::decode(self.name, "sound", found));
        }
        if self.rate != 0 && self.rate != rate {
            let found = format!("{rate} Hz in packet {number}");
            return Err(AudioError::decode(
                self.name,
                format!("{} Hz throughout", self.rate),
                found,
            ));
        }
        self.rate = rate;
        let mut samples = &self.interleaved[..];
        self.longest = self.longest.max((samples.len() / channels) as u64);
        if matches!(self.decoder, Decoder::Opus(_)) {
            let frames = samples.len() / channels;
            let end = self.track.time_base.map_or(0, |base| {
                let ticks = u128::from(packet.trim_end.get()) * u128::from(base.numer.get());
                (ticks * u128::from(opus::RATE) / u128::from(base.denom.get())) as u64
            });
            let last = frames - frames.min(usize::try_from(end).unwrap_or(usize::MAX));
            let first = last.min(usize::try_from(self.skip).unwrap_or(usize::MAX));
            self.skip -= first as u64;
            samples = &samples[first * channels..last * channels];
        }
        self.mono.push(self.name, samples, channels, rate)
    }

    /// MPEG audio has as many samples as its frames; what an encoder's tag states only cuts the delay and
    /// the padding that it added.
    fn finish_mpeg(&mut self) -> Result<(), AudioError> {
        let count = self.known.mpeg.take().unwrap_or_default();
        let found = self.mono.samples.len() as u64;
        let delay = u64::from(self.track.delay.unwrap_or(0));
        let padding = u64::from(self.track.padding.unwrap_or(0));
        let a_frame = count.samples / count.frames.max(1);
        let mut whole = true;
        if let Some(stated) = count.stated {
            let stated = stated * a_frame;
            whole = found >= stated;
            if found + LENGTH_SLACK < stated {
                return Err(AudioError::decode(
                    self.name,
                    format!("{stated} samples"),
                    format!("{found} of them: the file is cut short"),
                ));
            }
            // Some encoders count the frame of their tag.
            if stated.abs_diff(found) > a_frame {
                self.warnings.push(format!(
                    "the tag of the encoder states {stated} samples, the frames have {found}; all are read"
                ));
            }
        }
        if let Some((there, length)) = count.cut {
            self.warnings.push(format!(
                "the last frame has {there} of its {length} bytes: the file is cut short; \
                 its {} whole frames are read",
                count.frames
            ));
        }
        let samples = &mut self.mono.samples;
        if whole && count.cut.is_none() {
            samples.truncate(found.saturating_sub(padding) as usize);
        }
        samples.drain(..(delay as usize).min(samples.len()));
        Ok(())
    }

    /// A file with fewer samples than it states is cut short.
    fn compare(
        &mut self,
        stated: Option<u64>,
        codec: Option<AudioCodecId>,
    ) -> Result<(), AudioError> {
        let packets = [
            CODEC_ID_AAC,
            CODEC_ID_VORBIS,
            CODEC_ID_OPUS,
            CODEC_ID_MP3,
            CODEC_ID_MP2,
            CODEC_ID_MP1,
        ];
        let rounded = codec.is_some_and(|codec| packets.contains(&codec))
            || self.kind == Kind::Matroska
            || self.kind == Kind::Caf && codec == Some(CODEC_ID_ALAC);
        // Matroska states milliseconds, up to the end of the last packet.
        let slack = match self.kind {
            Kind::Matroska => self.longest + u64::from(self.rate) / 500,
            _ if rounded => LENGTH_SLACK,
            _ => 0,
        };
        // The container counts at the rate with the upper half, the core has half of it.
        let halves = if self.known.he_aac { 2 } else { 1 };
        let found = self.mono.samples.len() as u64 * halves;
        let whole = self.known.ending.stated.and_then(|(ticks, scale)| {
            let frames = u128::from(ticks) * u128::from(self.rate) * u128::from(halves);
            u64::try_from(frames.checked_div(u128::from(scale))?).ok()
        });
        if whole.is_some_and(|whole| found <= whole + LENGTH_SLACK) {
            self.known.ending.open = false;
        }
        if self.kind == Kind::Matroska
            && let Some(stated) = stated
            && found > stated + 2 * slack
        {
            self.warnings.push(format!(
                "it states {stated} samples, its packets have {found}; all are read"
            ));
        }
        match whole.max(stated) {
            Some(stated) if found + slack < stated => Err(AudioError::decode(
                self.name,
                format!("{stated} samples"),
                format!("{found} of them: the file is cut short"),
            )),
            _ => Ok(()),
        }
    }
}

fn params(track: &Track) -> Option<&AudioCodecParameters> {
    track.codec_params.as_ref().and_then(CodecParameters::audio)
}

/// Frames that a container states for a track.
fn stated(track: &Track, rate: u32) -> Option<u64> {
    track
        .num_frames
        .or_else(|| frames(track.duration?.get(), track.time_base?, rate))
}

/// A duration in frames at `rate`.
fn frames(ticks: u64, base: TimeBase, rate: u32) -> Option<u64> {
    let ticks = u128::from(ticks) * u128::from(base.numer.get());
    u64::try_from(ticks * u128::from(rate) / u128::from(base.denom.get())).ok()
}

/// The first track of sound that can be decoded.
fn choose(
    name: &Path,
    kind: Kind,
    format: &dyn FormatReader,
) -> Result<(Track, Decoder), AudioError> {
    let sounds = || {
        format
            .tracks()
            .iter()
            .filter(|track| params(track).is_some())
    };
    let readable = |track: &&Track| params(track).is_some_and(|p| refused(p).is_none());
    match sounds().find(readable) {
        Some(track) => Ok((track.clone(), decoder(name, kind, track)?)),
        None => {
            let kinds: Vec<String> = sounds()
                .filter_map(|t| params(t).and_then(refused))
                .collect();
            let found = if kinds.is_empty() {
                "none of a kind that is known here".to_owned()
            } else {
                kinds.join(", ")
            };
            let expected = format!("a sound track in {} that is read", kind.name());
            Err(AudioError::decode(name, expected, found))
        }
    }
}

/// The name of a codec that is not read.
fn refused(params: &AudioCodecParameters) -> Option<String> {
    let channels = params.channels.as_ref().map_or(0, |c| c.count());
    if params.codec == CODEC_ID_AAC && channels > 2 {
        return Some(format!("AAC with {channels} channels"));
    }
    let known = params.codec == CODEC_ID_OPUS
        || symphonia::default::get_codecs()
            .get_audio_decoder(params.codec)
            .is_some();
    let name = match params.codec {
        _ if known => return None,
        CODEC_ID_AC3 => "AC-3",
        CODEC_ID_EAC3 => "E-AC-3",
        CODEC_ID_DCA => "DTS",
        CODEC_ID_TRUEHD => "TrueHD",
        CODEC_ID_TTA => "True Audio (TTA)",
        CODEC_ID_WAVPACK => "WavPack",
        CODEC_ID_MUSEPACK => "Musepack",
        CODEC_ID_ATRAC1 | CODEC_ID_ATRAC3 => "ATRAC",
        CODEC_ID_COOK => "RealAudio (Cook)",
        _ => "a codec that is not known here",
    };
    Some(name.to_owned())
}

fn decoder(name: &Path, kind: Kind, track: &Track) -> Result<Decoder, AudioError> {
    let bad = |found: String| AudioError::decode(name, "a codec that is read", found);
    let params = params(track).ok_or_else(|| bad("none".to_owned()))?;
    if params.codec == CODEC_ID_OPUS {
        let header = params.extra_data.as_deref().unwrap_or_default();
        let opus = Opus::new(header, kind != Kind::Mp4).map_err(bad)?;
        return Ok(Decoder::Opus(Box::new(opus)));
    }
    // The frames of MPEG audio are cut here, by their number.
    let options = AudioDecoderOptions::default().gapless(kind != Kind::Mpeg);
    symphonia::default::get_codecs()
        .make_audio_decoder(params, &options)
        .map(Decoder::Other)
        .map_err(|error| bad(say(&error)))
}

fn say(error: &Error) -> String {
    match error {
        Error::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the end of the file".to_owned()
        }
        other => other.to_string(),
    }
}
