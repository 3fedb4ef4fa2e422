/** Whether these bytes of the memory are a plain line of JSON. A placeholder, which finds none. */
export function check(_start: usize, _end: usize): i32 {
  return 0;
}
