//! Damaged files are errors, never panics, and never take memory that they do not have.

use leaf_train::Weights;

use crate::{Outcome, file};

/// Reads damaged bytes; a file that still reads must not hold more numbers than it has bytes.
fn read(folder: &std::path::Path, bytes: &[u8]) -> Outcome<bool> {
    let path = folder.join("damaged.pth");
    std::fs::write(&path, bytes)?;
    let Ok(weights) = Weights::read(&path) else {
        return Ok(false);
    };
    let numbers: usize = weights
        .tensors()
        .values()
        .map(|tensor| tensor.elem_count())
        .sum();
    // The same numbers may have several names.
    assert!(
        numbers <= bytes.len() * weights.tensors().len(),
        "{numbers}"
    );
    Ok(true)
}

#[test]
fn no_cut_file_is_read() -> Outcome {
    let folder = tempfile::tempdir()?;
    for name in ["kinds.pth", "kinds_stream.pth", "torchvision.safetensors"] {
        let bytes = std::fs::read(file(name))?;
        for length in (0..bytes.len()).step_by(29) {
            assert!(
                !read(folder.path(), &bytes[..length])?,
                "{name} cut at {length}"
            );
        }
        assert!(read(folder.path(), &bytes)?);
    }
    Ok(())
}

#[test]
fn no_changed_byte_is_a_panic() -> Outcome {
    let folder = tempfile::tempdir()?;
    // In the old form nothing guards the bytes; in an archive, checksums do.
    for (name, step) in [("kinds_stream.pth", 2), ("kinds.pth", 17)] {
        let bytes = std::fs::read(file(name))?;
        for place in (0..bytes.len()).step_by(step) {
            for change in [1, 0xff] {
                let mut changed = bytes.clone();
                changed[place] ^= change;
                read(folder.path(), &changed)?;
            }
        }
    }
    Ok(())
}

/// A file of before 1.6 around a pickle of one's own.
fn stream(pickle: &[u8]) -> Vec<u8> {
    let start =
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.";
    let keys = b"\x80\x02]X\x01\x00\x00\x000a.";
    let storage = [&4u64.to_le_bytes()[..], &[0; 16]].concat();
    [start, pickle, keys, &storage].concat()
}

/// `{'w': _rebuild_tensor_v2(storage 0 of 4 floats, offset, shape, strides, ...)}`.
fn tensor(offset: &[u8], shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let storage: &[u8] = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04NtQ";
    let start: &[u8] = b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(";
    stream(&[start, storage, offset, shape, strides, b"\x89NtRs."].concat())
}

#[test]
fn shapes_beyond_their_storage_are_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let huge = b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
    assert!(read(
        folder.path(),
        &tensor(b"K\x00", b"K\x04\x85", b"K\x01\x85")
    )?);
    for (offset, shape, strides) in [
        (&b"K\x00"[..], b"K\x05\x85".to_vec(), b"K\x01\x85".to_vec()),
        (b"K\x01", b"K\x04\x85".to_vec(), b"K\x01\x85".to_vec()),
        (b"K\x00", b"K\x03\x85".to_vec(), b"K\x02\x85".to_vec()),
        // One number, again and again.
        (
            b"K\x00",
            b"J\xff\xff\xff\x7f\x85".to_vec(),
            b"K\x00\x85".to_vec(),
        ),
        (
            b"K\x00",
            [&huge[..], huge, b"\x86"].concat(),
            b"K\x00K\x00\x86".to_vec(),
        ),
        (
            b"K\x00",
            b"K\x02\x85".to_vec(),
            [&huge[..], b"\x85"].concat(),
        ),
        (huge, b"K\x01\x85".to_vec(), b"K\x01\x85".to_vec()),
        (b"K\x00", b"K\x04\x85".to_vec(), b")".to_vec()),
        (
            b"K\x00",
            b"J\xff\xff\xff\xff\x85".to_vec(),
            b"K\x01\x85".to_vec(),
        ),
        (b"N", b"K\x04\x85".to_vec(), b"K\x01\x85".to_vec()),
    ] {
        let bytes = tensor(offset, &shape, &strides);
        assert!(
            !read(folder.path(), &bytes)?,
            "{offset:?} {shape:?} {strides:?}"
        );
    }
    Ok(())
}

#[test]
fn a_program_in_a_pickle_is_not_run() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mark = folder.path().join("ran");
    let command = format!("touch {}", mark.display());
    let length = u32::try_from(command.len())?.to_le_bytes();
    let call = [
        b"cos\nsystem\nX",
        &length[..],
        command.as_bytes(),
        b"\x85R.",
    ]
    .concat();
    assert!(!read(folder.path(), &stream(&call))?);
    assert!(!mark.exists());
    Ok(())
}
