/** The exit codes of the command line; those of sysexits where one fits. 0: success. */
export const EXIT = {
  PROBLEM: 1,
  USAGE: 64,
  DATA: 65,
  INPUT: 66,
  UNAVAILABLE: 69,
  CONFIG: 78,
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const

/** The meaning of each code, for the usage. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  PROBLEM: 'a problem was found, an error has no other code, or the user did not confirm',
  USAGE: 'wrong usage',
  DATA: 'the data cannot be used',
  INPUT: 'there is no such file, stream or instance',
  UNAVAILABLE: 'the store cannot be used',
  CONFIG: 'the configuration cannot be used',
  INTERRUPTED: 'a second SIGINT ended serve at once',
  TERMINATED: 'a second SIGTERM ended serve at once',
}
