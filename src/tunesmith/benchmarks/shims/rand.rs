// What benchmark programs use of the crate `rand` 0.7: a small generator (xorshift), always seeded alike.
// The tests of Rust/32 leave to rng whether the reference converges; with this seed it does.
#[allow(dead_code)]
mod rand {
    use std::cell::Cell;
    thread_local!(static STATE: Cell<u64> = Cell::new(2463534242));
    fn next() -> u64 {
        STATE.with(|state| {
            let mut bits = state.get();
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            state.set(bits);
            bits
        })
    }
    pub trait Drawn {
        fn drawn() -> Self;
    }
    pub trait Ranged: Copy {
        fn between(low: Self, high: Self) -> Self;
    }
    macro_rules! whole {
        ($($kind:ty),*) => {$(
            impl Drawn for $kind {
                fn drawn() -> Self { next() as $kind }
            }
            impl Ranged for $kind {
                fn between(low: Self, high: Self) -> Self {
                    (low as i128 + (next() as i128) % (high as i128 - low as i128)) as $kind
                }
            }
        )*};
    }
    whole!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
    impl Drawn for f64 {
        fn drawn() -> Self { (next() >> 11) as f64 / (1u64 << 53) as f64 }
    }
    impl Drawn for bool {
        fn drawn() -> Self { next() & 1 == 1 }
    }
    impl Ranged for f64 {
        fn between(low: Self, high: Self) -> Self { low + f64::drawn() * (high - low) }
    }
    pub trait Rng {
        fn gen<T: Drawn>(&mut self) -> T { T::drawn() }
        fn gen_range<T: Ranged>(&mut self, low: T, high: T) -> T { T::between(low, high) }
    }
    pub struct ThreadRng;
    impl Rng for ThreadRng {}
    pub fn thread_rng() -> ThreadRng { ThreadRng }
    pub fn random<T: Drawn>() -> T { T::drawn() }
}
