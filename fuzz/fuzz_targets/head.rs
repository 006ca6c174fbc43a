//! Heads of requests: whatever pieces they come in, the same byte is the first that must not pass.
#![no_main]

use docspace_courier::server::heads::Heads;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let whole = Heads::default().follow(bytes);
    let mut heads = Heads::default();
    let mut passed = 0;
    let in_pieces = bytes
        .chunks(usize::from(piece).max(1))
        .try_for_each(|chunk| {
            heads.follow(chunk).map_err(|clear| passed + clear)?;
            passed += chunk.len();
            Ok(())
        });
    assert_eq!(whole, in_pieces);
    if let Err(clear) = whole {
        assert!(clear < bytes.len());
        // What was let through is not refused by itself.
        assert_eq!(Heads::default().follow(&bytes[..clear]), Ok(()));
    }
});
