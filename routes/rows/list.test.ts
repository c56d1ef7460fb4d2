import { afterEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { expectProblem } from '../../src/test-support/http.ts'
import { looks } from '../../src/test-support/shop.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { openThingApp } from '../../src/test-support/thing-app.ts'
import { keysOf, listOf } from '../../src/test-support/listed-things.ts'

afterEach(cleanUp)

/** Texts without U+0000 and halves of surrogate pairs. */
const storableText = fc.string({ unit: 'grapheme', maxLength: 20 }).filter(text => !text.includes('\0') && text.isWellFormed())

describe('GET /{projection}', () => {
  const four = async () => {
    const shop = openThingApp()
    await shop.say('a', 'set', looks('apple', { price: 3, rare: true }))
    await shop.say('b', 'set', looks('pear', { shelf: 'low', price: null, note: 'null' }))
    await shop.say('c', 'set', looks('apple', { shelf: 'low', price: -1.5 }))
    await shop.say('d', 'set', looks('fig', { price: 2, note: '' }))
    return shop
  }

  test.each<[string, readonly string[]]>([
    ['', ['a', 'b', 'c', 'd']],
    ['name=apple', ['a', 'c']],
    ['name=apple&shelf=low', ['c']],
    ['shelf=top&rare=false', ['d']],
    ['rare=true', ['a']],
    ['price=3', ['a']],
    ['price=3.0', ['a']],
    ['price=-1.5', ['c']],
    ['price=2e0', ['d']],
    ['price=null', ['b']],
    ['note=', ['d']],
    ['name=null', []],
    ['name=%F0%9F%8E%81', []],
    ["name=o'brien%22%20--", []],
    ['sort=price', ['b', 'c', 'd', 'a']],
    ['sort=-price', ['a', 'd', 'c', 'b']],
    ['sort=name', ['a', 'c', 'd', 'b']],
    ['sort=-name', ['b', 'd', 'c', 'a']],
    ['sort=rare&shelf=top', ['d', 'a']],
    ['sort=shelf,-price', ['c', 'b', 'a', 'd']],
    ['sort=-rare,name&sort=-price', ['a', 'c', 'd', 'b']],
    ['price.gt=2', ['a']],
    ['price.gte=2', ['a', 'd']],
    ['price.lt=2', ['c']],
    ['price.lte=2&sort=price', ['c', 'd']],
    ['price.gte=-1.5&price.lt=3', ['c', 'd']],
    ['price.null=true', ['b']],
    ['price.null=false', ['a', 'c', 'd']],
    ['price.in=3,null', ['a', 'b']],
    ['name.in=apple,fig&sort=-price', ['a', 'd', 'c']],
    ['name.in=apple&name.in=fig', ['a', 'c', 'd']],
    ['name.prefix=p', ['b']],
    ['name.prefix=', ['a', 'b', 'c', 'd']],
    ['name.gte=b', ['b', 'd']],
    ['name=apple&name.prefix=f', []],
    ['rare.in=true,false&limit=1', ['a']],
    ['limit=2', ['a', 'b']],
    ['limit=1&sort=-price', ['a']],
    ['limit=1000', ['a', 'b', 'c', 'd']],
  ])('GET /{projection}?%s lists %j', async (query, expected) => {
    const { see } = await four()
    const { status, body } = await see(`/things?${query}`)
    expect([status, keysOf(body)]).toEqual([200, [...expected]])
  })

  test('GET /{projection} finds a missing field as null, and the text null where a field may be text', async () => {
    const { say, see } = openThingApp()
    await say('a', 'set', looks('null'))
    await say('b', 'set', looks('pear', { note: 'x' }))
    expect(keysOf((await see('/things?note=null')).body)).toEqual(['a'])
    expect(keysOf((await see('/things?name=null')).body)).toEqual(['a'])
    await say('c', 'set', looks('fig', { note: 'null' }))
    for (const [query, keys] of Object.entries({
      'note=null': ['a'],
      'note.null=true': ['a'],
      'note.eq=null': ['c'],
      'note.in=null,x': ['a', 'b'],
      'note.in=\\null,x': ['b', 'c'],
      'note.in=\\null,null': ['a', 'c'],
      'note.gte=null': ['b', 'c'],
      'note.gt=null': ['b'],
      'note.prefix=null': ['c'],
    }))
      expect([query, keysOf((await see(`/things?${query}`)).body).toSorted()]).toEqual([query, keys])
  })

  test('GET /{projection} finds a row by the text of a field that may be null, whatever text that is', async () => {
    const { say, see } = openThingApp()
    const text = fc.oneof(fc.constantFrom('null', '\\null', 'true', '1e2', '', ',', '\\', '-0', '[]'), storableText)
    await say('other', 'set', looks('other'))
    await fc.assert(
      fc.asyncProperty(text, async note => {
        await say('a', 'set', looks('a', { note }))
        for (const query of [
          `note.eq=${encodeURIComponent(note)}`,
          `note.in=${encodeURIComponent(note.replaceAll(/[\\,]|^null$/g, '\\$&'))}`,
          `note.gte=${encodeURIComponent(note)}&note.lte=${encodeURIComponent(note)}`,
        ])
          expect([query, keysOf((await see(`/things?${query}`)).body)]).toEqual([query, ['a']])
      }),
      { numRuns: 40 },
    )
  })

  test('GET /{projection} splits a list of values at commas that have no backslash before them', async () => {
    const { say, see } = openThingApp()
    for (const [id, name] of Object.entries({ a: 'x,y', b: 'x', c: 'y', d: 'z\\', e: '' })) await say(id, 'set', looks(name))
    for (const [list, keys] of [
      ['x,y', ['b', 'c']],
      ['x\\,y', ['a']],
      ['x\\,y,', ['a', 'e']],
      ['z\\\\,y', ['c', 'd']],
      ['z\\', ['d']],
    ] as const)
      expect(keysOf((await see(`/things?name.in=${encodeURIComponent(list)}`)).body), list).toEqual([...keys])
  })

  test('GET /{projection} page by page lists all rows in the order of several fields, whatever they share', async () => {
    const { say, see } = openThingApp()
    for (let i = 0; i < 20; i++) await say(`k${i}`, 'set', looks(`n${i % 3}`, { price: (i % 4) - 1 || null }))
    const query = 'sort=-name,price&price.lt=2&limit=3'
    const pages: string[] = []
    for (let next: string | null = ''; next !== null; ) {
      const { body } = await see(`/things?${query}${next && `&cursor=${next}`}`)
      pages.push(...keysOf(body))
      next = listOf(body).next
    }
    expect(pages).toEqual(keysOf((await see('/things?sort=-name,price&price.lt=2')).body))
    expect(pages).toHaveLength(10)
  })

  test('GET /{projection} answers with the items, the next page and the position, and a count where requested', async () => {
    const { see } = await four()
    const { body, headers } = await see('/things?limit=1&name=apple&count=true')
    expect(listOf(body)).toEqual({
      items: [{ key: 'a', ...looks('apple', { price: 3, rare: true }) }],
      next: expect.any(String),
      count: 2,
      position: 4,
    })
    expect(['event-position', 'cache-control'].map(name => headers.get(name))).toEqual(['4', 'private, no-cache'])
    expect(listOf((await see('/things?count=false')).body)).not.toHaveProperty('count')
  })

  test.each([
    ['colour=red', 'colour'],
    ['key=a', 'key'],
    ['__proto__=1', '__proto__'],
    ['constructor=1', 'constructor'],
    ['toString=1', 'toString'],
    ['=1', ''],
    ['shelf=middle', 'shelf'],
    ['shelf=', 'shelf'],
    ['shelf=top&shelf=low', 'shelf'],
    ['name=a&name=b', 'name'],
    ['name=a%00', 'name'],
    ['price=x', 'price'],
    ['price=', 'price'],
    ['price=true', 'price'],
    ['price=0x10', 'price'],
    ['price=01', 'price'],
    ['price=1e999', 'price'],
    ['rare=1', 'rare'],
    ['rare=yes', 'rare'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['count=2', 'count'],
    ['sort=key', 'sort'],
    ['sort=', 'sort'],
    ['sort=--price', 'sort'],
    ['sort=__proto__', 'sort'],
    ['sort=price&sort=-price', 'sort'],
    ['sort=price,', 'sort'],
    ['price.gte=x', 'price.gte'],
    ['price.gte=null', 'price.gte'],
    ['price.eq=null', 'price.eq'],
    ['price=1&price.eq=1', 'price.eq'],
    ['price.gte=9007199254740993', 'price.gte'],
    ['price.in=1,x', 'price.in'],
    ['price.prefix=1', 'price.prefix'],
    ['price.null=1', 'price.null'],
    ['price.between=1', 'price.between'],
    ['price.=1', 'price.'],
    ['colour.gte=red', 'colour.gte'],
    ['shelf.in=top,middle', 'shelf.in'],
    ['cursor=x', 'cursor'],
    ['cursor=', 'cursor'],
    ['min-position=', 'min-position'],
    ['min-position=x', 'min-position'],
    ['min-position=1&min-position=1', 'min-position'],
    ['name=%', null],
    ['name=%FF', null],
    ['%ED%A0%80=1', null],
  ])('GET /{projection}?%s answers 400 with the parameter', async (query, field) => {
    const { get } = openThingApp()
    expectProblem(await get(`/things?${query}`), 'validation-failed', {
      errors: [{ pointer: field === null ? '#' : `#/${field}`, detail: expect.any(String) }],
    })
  })

  const cursor = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  test.each<[string, string]>([
    ['no JSON', 'e30tLQ'],
    ['a number', cursor(5)],
    ['null', cursor(null)],
    ['an object', cursor({ length: 3 })],
    ['no key', cursor(['price', 1])],
    ['a key that is no text', cursor(['price', 1, 5])],
    ['a key that nothing has', cursor(['price', 1, 'a\0'])],
    ['half a surrogate pair', cursor(['price', 1, '\ud800'])],
    ['another order', cursor(['-price', 1, 'a'])],
    ['no order', cursor(['', null, 'a'])],
    ['a text for a number', cursor(['price', '1', 'a'])],
    ['an object for a number', cursor(['price', {}, 'a'])],
    ['true for a number', cursor(['price', true, 'a'])],
    ['more than a number holds', Buffer.from('["price",1e999,"a"]').toString('base64url')],
  ])('GET /{projection} with a cursor that is %s answers 400', async (_, shop) => {
    const { get } = openThingApp()
    expectProblem(await get(`/things?sort=price&cursor=${shop}`), 'validation-failed', {
      errors: [{ pointer: '#/cursor', detail: expect.any(String) }],
    })
  })

  test('GET /{projection} answers 304 while the requested rows are the same', async () => {
    const { see, say } = await four()
    const tag = (await see('/things?name=apple')).headers.get('etag')!
    await say('d', 'set', looks('fig', { price: 5 }))
    const same = await see('/things?name=apple', { 'If-None-Match': tag })
    expect([same.status, same.headers.get('event-position')]).toEqual([304, '5'])
    await say('c', 'set', looks('apple', { price: 5 }))
    expect((await see('/things?name=apple', { 'If-None-Match': tag })).status).toBe(200)
  })

  test('GET /{projection} page by page has no gap and no repeat, while other rows come and go', async () => {
    const name = fc.constantFrom('a', 'b', 'é', '𝒳', '')
    const stays = fc.record({ name, price: fc.oneof(fc.constant(null), fc.integer({ min: -2, max: 2 })) })
    const property = fc.asyncProperty(
      fc.array(stays, { minLength: 1, maxLength: 12 }),
      fc.constantFrom('', 'price', '-price', 'name', '-name', 'note'),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ of: fc.nat(9), name, price: fc.constantFrom(null, 0, 1) }), { maxLength: 12 }),
      async (rows, sort, limit, others) => {
        const { say, see } = openThingApp()
        const staying = rows.map((_, i) => `s${i}`)
        for (const [i, { name, price }] of rows.entries()) await say(`s${i}`, 'set', looks(name, { price }))
        const pagedKeys: string[] = []
        let next: string | null = ''
        while (next !== null) {
          const query: string = [`limit=${limit}`, ...(sort ? [`sort=${sort}`] : []), ...(next ? [`cursor=${next}`] : [])].join(
            '&',
          )
          const { status, body } = await see(`/things?${query}`)
          expect(status).toBe(200)
          pagedKeys.push(...keysOf(body))
          next = listOf(body).next
          const other = others.pop()
          if (other?.of) await say(`o${other.of}`, 'set', looks(other.name, { price: other.price }))
          else if (other) await say(`o${others.length}`, 'remove')
        }
        expect(pagedKeys.filter(key => staying.includes(key)).toSorted()).toEqual(staying.toSorted())
        await cleanUp()
      },
    )
    await fc.assert(property, { numRuns: 15 })
  })

  test('GET /{projection} page by page lists all rows in the requested order, where nothing changes', async () => {
    const { say, see } = openThingApp()
    for (let i = 0; i < 25; i++) await say(`k${i % 20}`, 'set', looks(`n${i % 4}`, { price: (i * 7) % 5 || null }))
    for (const sort of ['price', '-price', 'name', '-name', 'rare', '-note']) {
      const whole = keysOf((await see(`/things?sort=${sort}`)).body)
      const pages: string[] = []
      for (let next: string | null = ''; next !== null; ) {
        const { body } = await see(`/things?sort=${sort}&limit=3${next && `&cursor=${next}`}`)
        pages.push(...keysOf(body))
        next = listOf(body).next
      }
      expect(pages).toEqual(whole)
      expect(whole).toHaveLength(20)
    }
  })
})
