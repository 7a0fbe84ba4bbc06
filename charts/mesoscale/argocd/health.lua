-- How Argo CD reads the health of a WeatherPipeline: its key in argocd-cm is
-- resource.customizations.health.mesoscale.dev_WeatherPipeline

local function condition(kind)
  for _, one in ipairs((obj.status or {}).conditions or {}) do
    if one.type == kind then
      return one
    end
  end
  return {}
end

local function told(one)
  local sentence = one.message or ""
  if one.nextStep ~= nil and one.nextStep ~= "" then
    sentence = sentence .. "; " .. one.nextStep
  end
  return sentence
end

local function paused()
  for _, what in ipairs((obj.spec or {}).pause or {}) do
    if what == "data" then
      return true
    end
  end
  return false
end

if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "is being taken down" }
end

local seen = (obj.status or {}).observedGeneration or 0
if seen < (obj.metadata.generation or 0) then
  return { status = "Progressing", message = "the operator has not seen this generation yet" }
end

local accepted, ready = condition("Accepted"), condition("Ready")
if accepted.status == "False" then
  return { status = "Degraded", message = told(accepted) }
end

local ledger = obj.status.ledger
if ledger ~= nil and ledger.closed == false then
  return { status = "Degraded", message = "the ledger does not add up: records are lost or doubled" }
end

if ready.reason == "ChildFailed" or ready.reason == "PartMissing" then
  return { status = "Degraded", message = told(ready) }
end
if paused() then
  return { status = "Suspended", message = "no records move: pause names data" }
end
if ready.status == "True" then
  return { status = "Healthy", message = told(ready) }
end
return { status = "Progressing", message = told(ready) }
