// A server in a process of its own: says on which port, and ends when whoever started it lets go of its standard input.

export async function announce(port: number | undefined): Promise<never> {
  console.log(JSON.stringify({ port }))
  for await (const _ of Bun.stdin.stream());
  process.exit(0)
}
