//! MP3, FLAC, Ogg Vorbis and AAC, through Symphonia.

use std::path::Path;

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_FLAC, CODEC_ID_MP3};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use crate::{AudioError, Sound};

/// Frames that may be missing from the length a container states: encoders round it to packets.
const LENGTH_SLACK: u64 = 4_608;
/// Priming of an AAC encoder when no edit list states it, samples.
const AAC_PRIMING: u64 = 1_024;

/// `edit`: the first sample of the presentation where the container states it (MP4 edit list).
pub(super) fn read(
    name: &Path,
    source: Box<dyn MediaSource>,
    edit: Option<u64>,
) -> Result<Sound, AudioError> {
    let mut hint = Hint::new();
    if let Some(extension) = name.extension().and_then(|e| e.to_str()) {
        hint.with_extension(extension);
    }
    let stream = MediaSourceStream::new(source, Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(
            &hint,
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .map_err(|error| {
            AudioError::decode(
                name,
                "WAV, MP3, FLAC, Ogg Vorbis or AAC in MP4",
                say(&error),
            )
        })?;
    let none = || AudioError::decode(name, "a sound track", "none that can be decoded");
    let track = format.default_track(TrackType::Audio).ok_or_else(none)?;
    let params = track
        .codec_params
        .as_ref()
        .and_then(|p| p.audio())
        .ok_or_else(none)?;
    let (id, codec) = (track.id, params.codec);
    // Without a LAME tag the length of an MP3 is only an estimate from its size.
    let stated = track
        .num_frames
        .filter(|_| codec != CODEC_ID_MP3 || track.delay.is_some());
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(|error| AudioError::decode(name, "a known codec", say(&error)))?;

    let mut samples = Vec::new();
    let mut sample_rate = 0;
    let mut interleaved: Vec<f32> = Vec::new();
    let (mut packets, mut damaged) = (0_u64, None);
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                break;
            }
            Err(error) => return Err(AudioError::decode(name, "the next packet", say(&error))),
        };
        if packet.track_id != id {
            continue;
        }
        packets += 1;
        let buffer = match decoder.decode(&packet) {
            Ok(buffer) => buffer,
            Err(error) => {
                damaged.get_or_insert((packets, say(&error)));
                continue;
            }
        };
        let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
        if channels == 0 || rate == 0 {
            return Err(none());
        }
        if sample_rate != 0 && sample_rate != rate {
            let found = format!("{rate} Hz in packet {packets}");
            return Err(AudioError::decode(
                name,
                format!("{sample_rate} Hz throughout"),
                found,
            ));
        }
        sample_rate = rate;
        buffer.copy_to_vec_interleaved(&mut interleaved);
        let scale = 1.0 / channels as f32;
        samples.extend(
            interleaved
                .chunks_exact(channels)
                .map(|c| c.iter().sum::<f32>() * scale),
        );
    }
    if let Some((packet, why)) = damaged {
        let found = format!("damage in packet {packet} of {packets}: {why}");
        return Err(AudioError::decode(name, "whole packets", found));
    }
    if let Some(frames) = stated
        && (samples.len() as u64)
            + if codec == CODEC_ID_FLAC {
                0
            } else {
                LENGTH_SLACK
            }
            < frames
    {
        let found = format!("{} of them: the file is cut short", samples.len());
        return Err(AudioError::decode(name, format!("{frames} samples"), found));
    }
    let skip = edit
        .or((codec == CODEC_ID_AAC).then_some(AAC_PRIMING))
        .unwrap_or(0);
    samples.drain(
        ..usize::try_from(skip)
            .unwrap_or(usize::MAX)
            .min(samples.len()),
    );
    Ok(Sound {
        samples,
        sample_rate,
    })
}

fn say(error: &Error) -> String {
    match error {
        Error::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the end of the file".to_owned()
        }
        other => other.to_string(),
    }
}
