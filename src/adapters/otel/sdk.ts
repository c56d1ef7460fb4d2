// What the signals of one process share: the resource that they are of, and the log of OpenTelemetry itself.
import type { Resource } from '@opentelemetry/resources'
import type { TelemetryOptions } from './options.ts'
import { type Api, type SdkPackages, sdkPackages } from './packages.ts'

export type Sdk = SdkPackages & { readonly api: Api; readonly resource: Resource }
/** How a signal ends: it sends what it still has. */
export type End = () => Promise<void>

/** Loads what every signal needs. OTEL_LOG_LEVEL says what OpenTelemetry itself prints. */
export async function openSdk(api: Api, options: TelemetryOptions): Promise<Sdk> {
  const packages = await sdkPackages()
  const { core } = packages
  const logLevel = core.diagLogLevelFromString(core.getStringFromEnv('OTEL_LOG_LEVEL')) ?? api.DiagLogLevel.WARN
  api.diag.setLogger(new api.DiagConsoleLogger(), { logLevel, suppressOverrideMessage: true })
  return { ...packages, api, resource: resourceOf(packages, options) }
}

/** What a provider of any signal can do at the end. */
export type Ending = { readonly forceFlush: () => Promise<void>; readonly shutdown: () => Promise<void> }

/** Sends what is left, and ends. */
export async function endProvider(provider: Ending): Promise<void> {
  try {
    await provider.forceFlush()
  } finally {
    await provider.shutdown()
  }
}

/**
 * The resource of the signals. OTEL_SERVICE_NAME comes first, then OTEL_RESOURCE_ATTRIBUTES, then the options of the app.
 */
function resourceOf({ resources }: SdkPackages, { serviceName, serviceVersion }: TelemetryOptions): Resource {
  const { defaultResource, detectResources, resourceFromAttributes } = resources
  const { resourceAttributesEnvDetector, serviceInstanceIdDetector, serviceNameEnvDetector } = resources
  const ofApp = resourceFromAttributes({
    ...(serviceName !== undefined && { 'service.name': serviceName }),
    ...(serviceVersion !== undefined && { 'service.version': serviceVersion }),
    'process.runtime.name': 'bun',
    'process.runtime.version': Bun.version,
  })
  const detectors = [serviceInstanceIdDetector, resourceAttributesEnvDetector, serviceNameEnvDetector]
  return defaultResource().merge(ofApp).merge(detectResources({ detectors }))
}
