//! A hash of PostgreSQL's: Bob Jenkins' lookup3 of eight bytes.
//!
//! Tables that are partitioned by hash rest on it, so it stays what it is. (On a big-endian machine PostgreSQL's is
//! another: there no list would be answered from memory.)

/// What the three numbers are at first, of eight bytes.
const START: u32 = 0x9e37_79b9_u32.wrapping_add(8).wrapping_add(3_923_095);

/// What PostgreSQL's `hashfloat8extended(number, seed)` is. No two seeds of a number share their hash but by chance,
/// nor two numbers of a seed up to 2^53, which floats hold exactly.
pub(super) fn hashfloat8extended(number: i64, seed: i64) -> u64 {
    let seed = seed.cast_unsigned();
    if number == 0 {
        return seed;
    }
    let [mut a, mut b, mut c] = [START; 3];
    if seed != 0 {
        let [high, low] = halves(seed);
        (a, b) = (a.wrapping_add(high), b.wrapping_add(low));
        for bits in [4, 6, 8, 16, 19, 4] {
            a = a.wrapping_sub(c) ^ c.rotate_left(bits);
            c = c.wrapping_add(b);
            (a, b, c) = (b, c, a);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "as PostgreSQL does")]
    let [high, low] = halves((number as f64).to_bits());
    (a, b) = (a.wrapping_add(low), b.wrapping_add(high));
    for bits in [14, 11, 25, 16, 4, 14, 24] {
        c = (c ^ b).wrapping_sub(b.rotate_left(bits));
        (a, b, c) = (b, c, a);
    }
    u64::from(a) << 32 | u64::from(b)
}

#[expect(clippy::cast_possible_truncation, reason = "the other half is the other one")]
fn halves(number: u64) -> [u32; 2] {
    [(number >> 32) as u32, number as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_postgresql_says() {
        // Each by PostgreSQL 15: SELECT hashfloat8extended(1, 0), and so on.
        let said = [
            (1, 0, 4_033_440_226_552_636_220),
            (1, 1_795_509_000_000_001, -2_978_069_194_803_697_414),
            ((1 << 53) - 1, i64::MAX, 3_848_601_487_237_206_832),
            (42, -1, -8_341_091_872_320_098_536),
            (0, 7, 7),
        ];
        for (number, seed, hash) in said {
            assert_eq!(hashfloat8extended(number, seed).cast_signed(), hash, "{number}, {seed}");
        }
    }
}
