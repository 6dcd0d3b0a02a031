local otlp_settings = require "perigee.cli.otlp_settings"

describe("settings of OpenTelemetry", function()
    local function read(base, variables)
        return otlp_settings.read(base, function(name)
            return variables and variables[name]
        end)
    end

    local function sample(name, argument)
        return otlp_settings.sample(function(variable)
            return ({ OTEL_TRACES_SAMPLER = name, OTEL_TRACES_SAMPLER_ARG = argument })[variable]
        end)
    end

    it("are none when nobody names a collector", function()
        assert.is_nil(read(nil))
        assert.is_nil(read("http://a:1", { OTEL_SDK_DISABLED = "TRUE" }))
    end)

    it("find the collector", function()
        assert.equal("http://a:4318/v1/traces", read("http://a:4318").url)
        assert.equal("http://a:4318/v1/traces", read("http://a:4318/").url)
        local base = { OTEL_EXPORTER_OTLP_ENDPOINT = "https://b/x" }
        assert.equal("https://b/x/v1/traces", read(nil, base).url)
        assert.equal("http://a/v1/traces", read("http://a", base).url)
        base.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = "http://c/as/it/is"
        assert.equal("http://c/as/it/is", read(nil, base).url)
    end)

    it("have headers and a resource", function()
        local settings = read("http://a", {
            OTEL_EXPORTER_OTLP_HEADERS = "api-key=a%20b, x=1",
            OTEL_RESOURCE_ATTRIBUTES = "service.name=one,deployment.environment=test",
            OTEL_SERVICE_NAME = "two",
        })
        assert.same({ ["api-key"] = "a b", x = "1" }, settings.headers)
        assert.same({ ["service.name"] = "two", ["deployment.environment"] = "test" },
            settings.resource)
        assert.same({}, read("http://a").resource)
    end)

    it("say what is wrong", function()
        for variable, value in pairs({ OTEL_EXPORTER_OTLP_HEADERS = "novalue",
            OTEL_RESOURCE_ATTRIBUTES = "a=%zz" }) do
            local settings, problem = read("http://a", { [variable] = value })
            assert.is_nil(settings)
            assert.matches(variable, problem, 1, true)
        end
        assert.is_nil(read("http://a", { OTEL_EXPORTER_OTLP_HEADERS = "x=a%0d%0ab" }))
        assert.matches("^%-%-otlp: nonsense/v1/traces: ", (select(2, read("nonsense"))))
    end)

    it("know the samplers", function()
        assert.is_nil(sample(nil))
        assert.equal(1, sample("parentbased_always_on"))
        assert.equal(0, sample("always_off"))
        assert.equal(0.25, sample("traceidratio", "0.25"))
        assert.equal(1, sample("parentbased_traceidratio"))
        assert.matches("there is no sampler 'some'", (select(2, sample("some"))))
        assert.matches("from 0 to 1", (select(2, sample("traceidratio", "2"))))
    end)
end)
