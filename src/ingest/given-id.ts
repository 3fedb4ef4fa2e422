/** An id that `load` has given to an event that has none. */
const GIVEN_ID = /^[0-9a-f]{12}-\d+-[0-9a-f]{8}$/;

export const isGivenId = (id: string): boolean => GIVEN_ID.test(id);
